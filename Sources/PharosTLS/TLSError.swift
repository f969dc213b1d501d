import CPharosTLS

/// Why a context could not be made.
package struct TLSError: Error, Equatable, CustomStringConvertible {
    package enum Code: Equatable, Sendable {
        /// The certificate file cannot be read, or holds none that may be used.
        case certificate
        /// The key file cannot be read, or holds no key, or an encrypted one.
        case key
        /// The key is not the certificate's.
        case mismatch
        /// The file of authorities cannot be read, or holds none.
        case authorities
        case other
    }

    package let code: Code
    /// The file; never what is in it.
    package let subject: String
    /// OpenSSL's word for it.
    package let reason: String

    package var description: String {
        switch code {
        case .certificate: "cannot use the TLS certificate in '\(subject)': \(reason)"
        case .key: "cannot use the TLS key in '\(subject)': \(reason)"
        case .mismatch: "the TLS key in '\(subject)' does not belong to the certificate: \(reason)"
        case .authorities: "cannot use the certificate authorities in '\(subject)': \(reason)"
        case .other: "TLS cannot be set up: \(reason)"
        }
    }

    package init(code: Code, subject: String, reason: String) {
        self.code = code
        self.subject = subject
        self.reason = reason
    }
}

/// The reason why a session has failed.
///
/// It is a number, whose words are looked up when they are asked for.
package struct TLSFailure: Error, Equatable, Sendable, CustomStringConvertible {
    let code: UInt
    private static let certificateBit: UInt = 1 << 41

    package var description: String { TLSFailure.words(code) }

    /// Whether the peer's certificate was refused.
    package var isAboutCertificate: Bool { code & TLSFailure.certificateBit != 0 }

    static func words(_ code: UInt) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { text in
            pharos_tls_describe(code, text.baseAddress, text.count)
            return text.baseAddress.map { String(cString: $0) } ?? ""
        }
    }
}
