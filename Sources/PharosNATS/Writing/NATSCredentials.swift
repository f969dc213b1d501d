/// How a client proves to a server that it may connect.
package enum NATSCredentials: Sendable {
    case none
    case token(String)
    case user(String, password: String)
    /// A key, with or without a JWT that names it.
    ///
    /// `sign` gets the nonce of INFO and gives its Ed25519 signature in base64 of the URL alphabet; it must not block.
    case key(publicKey: String?, jwt: String?, sign: @Sendable (_ nonce: String) -> String)
}
