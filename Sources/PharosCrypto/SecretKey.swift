import CPharosCrypto

/// A secret that two share, for authentication codes: HMAC (RFC 2104) with SHA-2.
///
/// Any length, also none.
package struct SecretKey: Sendable {
    private let secret: [UInt8]

    package init(_ secret: [UInt8]) { self.secret = secret }

    package func code(for message: [UInt8], _ digest: Digest) -> [UInt8] {
        message.withUnsafeBytes { code(for: $0, digest) }
    }

    package func code(for message: UnsafeRawBufferPointer, _ digest: Digest) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: digest.byteCount) { target, written in
            written = secret.withUnsafeBytes {
                pharos_hmac(
                    digest.rawValue, $0.baseAddress, $0.count, message.baseAddress, message.count, target.baseAddress,
                    digest.byteCount)
            }
            precondition(written == digest.byteCount, "the system's OpenSSL has no HMAC")
        }
    }

    /// Whether `code` is the message's.
    ///
    /// The comparison takes the same time for all codes of its length.
    package func isValid(_ code: [UInt8], for message: [UInt8], _ digest: Digest) -> Bool {
        let expected = self.code(for: message, digest)
        return code.count == expected.count && pharos_is_same(code, expected, code.count) == 1
    }
}
