import CPharosTLS

/// Ciphertext that is to be sent.
///
/// One serves all sessions of a shard, one after the other. Not thread-safe.
///
/// It grows with what is written, so a session never has to wait for room, and keeps at most `keptLimit` bytes when emptied.
/// What a socket does not take at once the owner has to copy.
package struct TLSOutput: ~Copyable {
    /// Bytes of memory that are kept between uses.
    package static let keptLimit = 262_144

    var raw = pharos_tls_output()

    package init() {}

    deinit {
        var raw = raw
        pharos_tls_output_free(&raw)
    }

    package var count: Int { raw.count }
    package var isEmpty: Bool { raw.count == 0 }

    /// Valid until the next use.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: raw.bytes, count: raw.count) }

    /// Forgets the bytes.
    package mutating func removeAll() {
        raw.count = 0
        if raw.capacity > TLSOutput.keptLimit { pharos_tls_output_free(&raw) }
    }
}
