import PharosDomain

/// Recognises bytes that the disk has changed.
///
/// SQLite itself checks its structure only.
struct RowChecksum {
    private var state: UInt64 = 0x2545_F491_4F6C_DD1D

    var value: Int64 { Int64(bitPattern: state ^ state >> 32) }

    /// Adds a word.
    ///
    /// Each step is reversible, so two rows that differ in one word only never have the same sum.
    mutating func add(_ word: UInt64) {
        state = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
        state ^= state >> 29
    }

    mutating func add(_ number: Int64) { add(UInt64(bitPattern: number)) }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        add(UInt64(bytes.count))
        var index = 0
        while index + 8 <= bytes.count {
            add(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            index += 8
        }
        guard index < bytes.count else { return }
        var last: UInt64 = 0
        while index < bytes.count {
            last = last << 8 | UInt64(bytes[index])
            index += 1
        }
        add(last)
    }

    mutating func add<Kind>(_ name: Identifier<Kind>) { name.withBytes { add($0) } }

    mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
    }
}
