#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A growing run of bytes in memory of its own: what every encoder writes to.
///
/// Not thread-safe. The memory is freed with the value unless `take` gave it away.
package struct ByteWriter: ~Copyable {
    package private(set) var base: UnsafeMutablePointer<UInt8>
    package private(set) var count: Int
    package private(set) var capacity: Int

    package init(capacity: Int = 256) {
        let capacity = max(capacity, 16)
        base = .allocate(capacity: capacity)
        count = 0
        self.capacity = capacity
    }

    deinit { base.deallocate() }

    /// Makes room for `extra` further bytes.
    package mutating func reserve(_ extra: Int) {
        guard count + extra > capacity else { return }
        let wanted = max(capacity * 2, count + extra)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        grown.update(from: base, count: count)
        base.deallocate()
        base = grown
        capacity = wanted
    }

    package mutating func append(_ byte: UInt8) {
        if count == capacity { reserve(1) }
        base[count] = byte
        count += 1
    }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        memcpy(base + count, source, bytes.count)
        count += bytes.count
    }

    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    package mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The UTF-8 bytes of `text`, as they are.
    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// `number` in decimal.
    package mutating func appendDecimal(_ number: some BinaryInteger) {
        if number < 0 { append(UInt8(ascii: "-")) }
        appendDecimal(UInt64(number.magnitude))
    }

    /// `number` in decimal.
    ///
    /// Not generic, so that a publication is encoded without a call through a witness table.
    package mutating func appendDecimal(_ number: UInt64) {
        var rest = number
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            repeat {
                start -= 1
                let quotient = rest / 10
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest - quotient * 10)
                rest = quotient
            } while rest > 0
            append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[start...]))
        }
    }

    /// Appends `count` bytes, all of which `write` sets.
    mutating func append(count: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Void) {
        reserve(count)
        write(base + self.count)
        self.count += count
    }

    /// Overwrites one byte already written.
    package mutating func set(_ byte: UInt8, at index: Int) {
        precondition(index < count, "set(_:at:) is for bytes already written")
        base[index] = byte
    }

    /// Forgets all bytes after the first `newCount`; the memory is kept.
    package mutating func truncate(to newCount: Int) {
        precondition(newCount <= count, "truncate(to:) cannot grow")
        count = newCount
    }

    package mutating func removeAll() { count = 0 }

    /// The bytes written; valid inside `body` only.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    package var array: [UInt8] { Array(UnsafeBufferPointer(start: base, count: count)) }
}
