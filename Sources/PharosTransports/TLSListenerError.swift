/// Why TLS cannot be offered, naming the option to mend.
package struct TLSListenerError: Error, CustomStringConvertible {
    package enum Code: Sendable {
        /// `http_server.tls.cert_pem_file` cannot be read or holds no PEM certificate.
        case certificate
        /// `http_server.tls.key_pem_file` cannot be read or holds no PEM key.
        case key
        /// Certificate and key do not belong together.
        case mismatch
        /// `http_server.tls.port` cannot be listened on.
        case port
    }

    package let code: Code
    /// The file or the port.
    package let subject: String
    package let underlying: any Error

    package var description: String {
        switch code {
        case .certificate: "http_server.tls.cert_pem_file: no certificate could be read from \(subject) (\(underlying))"
        case .key: "http_server.tls.key_pem_file: no private key could be read from \(subject) (\(underlying))"
        case .mismatch:
            "http_server.tls.key_pem_file: \(subject) is not the key of http_server.tls.cert_pem_file (\(underlying))"
        case .port: "http_server.tls.port: cannot listen on \(subject) (\(underlying))"
        }
    }
}
