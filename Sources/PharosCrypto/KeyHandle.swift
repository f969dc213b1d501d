import CPharosCrypto

/// A key in OpenSSL's memory.
///
/// It never changes, so that any number of threads may use it.
final class KeyHandle: @unchecked Sendable {
    let key: OpaquePointer

    /// - Parameter key: owned from now on; nil: there is none.
    init?(_ key: OpaquePointer?) {
        guard let key else { return nil }
        self.key = key
    }

    deinit { pharos_key_free(key) }

    /// Bytes that `body` writes; nil when it says -1.
    static func bytes(_ capacity: Int, _ body: (UnsafeMutablePointer<UInt8>, Int) -> Int) -> [UInt8]? {
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { target, written in
            let count = body(target.baseAddress!, capacity)
            failed = count < 0
            written = max(count, 0)
        }
        return failed ? nil : bytes
    }

    func pem(isPrivate: Bool) -> String {
        let text = KeyHandle.bytes(16_384) { pharos_key_pem(key, isPrivate ? 1 : 0, $0, $1) }
        precondition(text != nil, "a key that was read can be written")
        return String(decoding: text!, as: UTF8.self)
    }
}
