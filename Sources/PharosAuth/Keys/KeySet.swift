import PharosBytes
import PharosCrypto
import PharosDomain

/// The usable keys of one JWK Set (RFC 7517 §5).
struct KeySet: Sendable {
    /// Keys of one document.
    ///
    /// A token without key id is tried against each of its family, so there cannot be many.
    static let keyLimit = 64
    /// Bytes of one document.
    static let documentSizeLimit = 1_048_576

    struct Entry: Sendable {
        var key: VerificationKey
        var keyID: KeyID?
        /// nil: all that the key serves.
        var algorithm: TokenAlgorithm?
    }

    private(set) var entries: [Entry] = []

    enum Failure: Error, Equatable {
        case tooLarge
        case notAKeySet
        case tooManyKeys

        var text: String {
            switch self {
            case .tooLarge: "the key set is larger than 1 MiB"
            case .notAKeySet: "the answer is no JSON Web Key Set"
            case .tooManyKeys: "the key set has more than \(KeySet.keyLimit) keys"
            }
        }
    }

    /// Reads a document.
    ///
    /// Keys of unknown kinds are left out, as RFC 7517 §5 asks; so are secret ones (`oct`).
    init(document: [UInt8]) throws(Failure) {
        guard document.count <= Self.documentSizeLimit else { throw .tooLarge }
        guard let object = try? JSONReader.object(document), let keys = object["keys"]?.array else { throw .notAKeySet }
        guard keys.count <= Self.keyLimit else { throw .tooManyKeys }
        entries = keys.compactMap { $0.object.flatMap(Entry.init(webKey:)) }
    }

    init() {}
}

extension KeySet.Entry {
    /// Reads one JWK; nil when it cannot check signatures for us.
    ///
    /// See RFC 7517 §4, RFC 7518 §6, RFC 8037 §2.
    init?(webKey: JSONObject) {
        if let use = webKey["use"], use.word != "sig" { return nil }
        if let operations = webKey["key_ops"], operations.strings?.map({ ClaimName($0) }).contains("verify") != true {
            return nil
        }
        guard let key = VerificationKey(webKey: webKey) else { return nil }
        if let name = webKey["alg"] {
            guard let named = name.string.flatMap(TokenAlgorithm.init(rawValue:)), key.serves(named) else { return nil }
            algorithm = named
        }
        if let id = webKey["kid"] {
            guard let text = id.string else { return nil }
            keyID = KeyID(text)
        }
        self.key = key
    }

    /// True when a token with this header may be checked with this key.
    func fits(_ token: CompactToken) -> Bool {
        guard key.serves(token.algorithm), algorithm == nil || algorithm == token.algorithm else { return false }
        return token.keyID.map { $0 == keyID } ?? true
    }
}

extension VerificationKey {
    fileprivate init?(webKey: JSONObject) {
        func bytes(_ name: ClaimName) -> [UInt8]? {
            webKey[name]?.string.flatMap { Base64.decode($0.utf8, .url) }
        }
        switch (webKey["kty"]?.word, webKey["crv"]?.word) {
        case ("RSA", _):
            guard let modulus = bytes("n"), modulus.count <= Self.rsaBits.upperBound / 8, let exponent = bytes("e"),
                exponent.count <= 8
            else { return nil }
            self.init(PublicKey(modulus: modulus, exponent: exponent))
        case ("EC", "P-256"):
            self.init(Self.point(bytes("x"), bytes("y"), size: 32).flatMap { PublicKey(.p256, point: $0) })
        case ("EC", "P-384"):
            self.init(Self.point(bytes("x"), bytes("y"), size: 48).flatMap { PublicKey(.p384, point: $0) })
        case ("EC", "P-521"):
            self.init(Self.point(bytes("x"), bytes("y"), size: 66).flatMap { PublicKey(.p521, point: $0) })
        case ("OKP", "Ed25519"): self.init(bytes("x").flatMap { PublicKey(ed25519: $0) })
        default: return nil
        }
    }

    /// The uncompressed form of a point (SEC 1 §2.3.3).
    ///
    /// Coordinates have their full size (RFC 7518 §6.2.1.2).
    private static func point(_ x: [UInt8]?, _ y: [UInt8]?, size: Int) -> [UInt8]? {
        guard let x, let y, x.count == size, y.count == size else { return nil }
        return [0x04] + x + y
    }
}
