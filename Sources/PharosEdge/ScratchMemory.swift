#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Memory for one message at a time.
///
/// It is kept for the next one unless it has become large.
struct ScratchMemory: ~Copyable {
    /// Bytes that are kept between messages.
    static let keptLimit = 65_536

    private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit { free(bytes.baseAddress) }

    /// Makes it at least `count` bytes long; false: there is no memory.
    ///
    /// The bytes at the front stay.
    mutating func grow(to count: Int) -> Bool {
        guard count > bytes.count else { return true }
        guard let grown = realloc(bytes.baseAddress, count) else { return false }
        bytes = UnsafeMutableRawBufferPointer(start: grown, count: count)
        return true
    }

    /// Forgets the bytes, and gives back memory that only a large message needed.
    mutating func reset() {
        guard bytes.count > ScratchMemory.keptLimit else { return }
        free(bytes.baseAddress)
        bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
}
