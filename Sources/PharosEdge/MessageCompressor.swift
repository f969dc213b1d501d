import CPharosSys

/// Compresses messages for permessage-deflate, each by itself.
///
/// That is without context takeover (RFC 7692, section 7.2.1).
///
/// No message refers to an earlier one, so one compressed payload serves every connection that agreed on the same window.
/// One stands on each shard; memory is taken for a window size when it is first used, at most about 160 KiB. Not
/// thread-safe.
package struct MessageCompressor: ~Copyable {
    /// The window sizes that can be agreed on, as powers of two.
    package static let windowBits: ClosedRange<UInt8> = 9...15

    private let level: Int32
    /// By window size.
    private var deflaters: [OpaquePointer?]
    private var scratch = ScratchMemory()

    /// - Parameter level: 1 (fast) to 9 (small).
    package init(level: Int) {
        self.level = Int32(min(max(level, 1), 9))
        deflaters = Array(repeating: nil, count: MessageCompressor.windowBits.count)
    }

    deinit {
        for deflater in deflaters { pharos_deflater_free(deflater) }
    }

    /// The payload of a frame with RSV1 set; valid until the next call.
    ///
    /// Nil: it would not be shorter than `payload`, which is then better sent as it is.
    ///
    /// - Parameter windowBits: 9 to 15, as agreed on with those who are to read it.
    package mutating func compress(_ payload: UnsafeRawBufferPointer, windowBits: UInt8) -> UnsafeRawBufferPointer? {
        guard let deflater = deflater(windowBits) else { return nil }
        scratch.reset()
        guard scratch.grow(to: pharos_deflater_bound(deflater, payload.count)) else { return nil }
        let target = scratch.bytes
        let count = pharos_deflate_message(
            deflater, payload.baseAddress, payload.count, target.baseAddress, target.count)
        guard count >= 0, count < payload.count else { return nil }
        return UnsafeRawBufferPointer(start: target.baseAddress, count: count)
    }

    private mutating func deflater(_ windowBits: UInt8) -> OpaquePointer? {
        precondition(MessageCompressor.windowBits.contains(windowBits), "a window has 9 to 15 bits")
        let index = Int(windowBits - MessageCompressor.windowBits.lowerBound)
        if let deflater = deflaters[index] { return deflater }
        let made = pharos_deflater_make(level, Int32(windowBits))
        deflaters[index] = made
        return made
    }
}
