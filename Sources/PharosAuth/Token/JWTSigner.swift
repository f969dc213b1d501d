import PharosBytes
package import PharosDomain

/// Makes signed tokens.
///
/// It is for `pharos token create`, for programs that have no JWT library, and for tests.
package struct JWTSigner: Sendable {
    package enum Failure: Error, Equatable {
        case unusableKey
        case algorithmNotOfKey
    }

    private let key: SigningKey
    private let algorithm: TokenAlgorithm
    private let keyID: KeyID?

    /// Takes a key and an algorithm that fits it.
    ///
    /// - Parameter keyID: goes into the header as `kid`, for verifiers with several keys.
    package init(_ key: SigningKey, algorithm: TokenAlgorithm, keyID: KeyID? = nil) {
        self.key = key
        self.algorithm = algorithm
        self.keyID = keyID
    }

    /// The token with these claims, in compact form.
    ///
    /// - Parameter claims: a JSON object. It is signed as it is; what it says is up to the caller.
    package func sign(claims: [UInt8]) throws(Failure) -> String {
        var header = JSONObjectWriter()
        header.add("alg", algorithm.rawValue)
        header.add("typ", "JWT")
        if let keyID { header.add("kid", keyID.text) }
        let message = Base64.encode(header.bytes, .url) + "." + Base64.encode(claims, .url)
        let signature = try key.signature(for: Array(message.utf8), by: algorithm)
        return message + "." + Base64.encode(signature, .url)
    }
}
