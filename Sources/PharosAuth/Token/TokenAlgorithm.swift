import PharosCrypto

/// A signature algorithm of RFC 7518 §3.1 and RFC 8037 §3.1.
///
/// `none` is not among them.
package enum TokenAlgorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case edDSA = "EdDSA"

    /// The kind of key that an algorithm works with.
    ///
    /// A key serves its own family only, whatever a token's header says.
    package enum Family: Sendable {
        case hmac
        case rsa
        case ecdsa
        case edwards
    }

    package var family: Family {
        switch self {
        case .hs256, .hs384, .hs512: .hmac
        case .rs256, .rs384, .rs512: .rsa
        case .es256, .es384, .es512: .ecdsa
        case .edDSA: .edwards
        }
    }

    /// The digest that is signed; EdDSA has its own, whatever this says.
    var digest: Digest {
        switch self {
        case .hs256, .rs256, .es256: .sha256
        case .hs384, .rs384, .es384: .sha384
        case .hs512, .rs512, .es512, .edDSA: .sha512
        }
    }

    /// The curve to which an algorithm is bound (RFC 7518 §3.4).
    ///
    /// nil for HMAC and RSA, which serve with any key of theirs.
    var curve: PublicKey.Kind? {
        switch self {
        case .es256: .p256
        case .es384: .p384
        case .es512: .p521
        case .edDSA: .ed25519
        default: nil
        }
    }
}
