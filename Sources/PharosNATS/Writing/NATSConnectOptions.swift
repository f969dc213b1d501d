/// The fields of CONNECT that differ from client to client.
///
/// `verbose` and `pedantic` are always false, `lang` is "swift" and `protocol` 1.
package struct NATSConnectOptions: Equatable, Sendable {
    package var name = ""
    package var version = ""
    package var requiresTLS = false
    /// Whether the connection gets what it published itself.
    package var echo = true
    /// Headers, and with them the answer "no responders".
    package var headers = true
    package var token: String?
    package var user: String?
    package var password: String?
    package var jwt: String?
    package var publicKey: String?
    package var signature: String?

    package init() {}

    /// Takes over the fields of `credentials`; the nonce is that of INFO.
    package mutating func authenticate(_ credentials: NATSCredentials, nonce: String?) {
        switch credentials {
        case .none: break
        case .token(let token): self.token = token
        case .user(let user, let password): (self.user, self.password) = (user, password)
        case .key(let publicKey, let jwt, let sign):
            (self.publicKey, self.jwt) = (publicKey, jwt)
            signature = nonce.map(sign)
        }
    }
}
