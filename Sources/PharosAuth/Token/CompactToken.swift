import PharosBytes
import PharosDomain

/// A JWT in its compact form (RFC 7515 §7.1), taken apart and not yet trusted.
///
/// The payload stays undecoded until `decodedPayload`, which is called after the signature has been checked: nothing a
/// stranger wrote there can influence anything before.
struct CompactToken {
    let algorithm: TokenAlgorithm
    let keyID: KeyID?
    /// The signed bytes: header, dot, payload, as they came.
    let signedBytes: [UInt8]
    let signature: [UInt8]
    private let payloadStart: Int

    /// - Parameter limit: the most bytes that the whole token may have.
    init(_ text: String, limit: Int) throws(TokenRefusal) {
        let utf8 = text.utf8
        guard utf8.count <= limit else { throw .tooLong(length: utf8.count, limit: limit) }
        let bytes = Array(utf8)
        let dots = bytes.indices.filter { bytes[$0] == UInt8(ascii: ".") }
        guard dots.count == 2 else { throw .invalid(.malformed, "the token does not have three parts") }
        guard let header = Base64.decode(bytes[..<dots[0]], .url),
            let signature = Base64.decode(bytes[(dots[1] + 1)...], .url)
        else { throw .invalid(.malformed, "the token is not base64url") }
        self.signature = signature
        signedBytes = Array(bytes[..<dots[1]])
        payloadStart = dots[0] + 1
        (algorithm, keyID) = try Self.read(header: header)
    }

    /// The claims. Only for a token whose signature is good.
    func decodedPayload() throws(TokenRefusal) -> JSONObject {
        guard let payload = Base64.decode(signedBytes[payloadStart...], .url),
            let claims = try? JSONReader.object(payload)
        else { throw .invalid(.malformed, "the token's payload is not a JSON object") }
        return claims
    }

    /// Reads the members of RFC 7515 §4.1 that matter to us.
    ///
    /// `crit` names extensions that must be understood. We understand none, so §4.1.11 demands refusal.
    private static func read(header: [UInt8]) throws(TokenRefusal) -> (TokenAlgorithm, KeyID?) {
        guard let header = try? JSONReader.object(header) else {
            throw .invalid(.malformed, "the token's header is not a JSON object")
        }
        guard !header.members.contains(where: { $0.name == "crit" }) else {
            throw .invalid(.malformed, "the token's header has critical extensions")
        }
        guard let name = header["alg"]?.string, let algorithm = TokenAlgorithm(rawValue: name) else {
            throw .invalid(.malformed, "the token's algorithm is not supported")
        }
        guard let keyID = header["kid"] else { return (algorithm, nil) }
        guard let text = keyID.string else { throw .invalid(.malformed, "the token's key id is not a string") }
        return (algorithm, KeyID(text))
    }
}
