package import PharosBytes

/// The Fossil delta format.
///
/// A text is given as copies from an earlier one and the new text in between.
///
/// A delta is the target's length, a newline, segments `<length>@<offset>,` (copy from the base) and
/// `<length>:<bytes>` (insert), then the target's checksum and `;`. Numbers are written in 64 digits, most significant
/// first. Described at fossil-scm.org, `delta_format.wiki`.
package enum FossilDelta {
    /// Appends the delta that makes `target` out of `base`.
    ///
    /// Always succeeds; it may be longer than `target`, and then the target itself should be sent. Finds common runs from
    /// 31 bytes on (19 in a base of up to 8 KiB), in whatever order, in time linear in both lengths. Inserts are cut
    /// between characters: the delta of two texts in UTF-8 is UTF-8.
    package static func create(from base: [UInt8], to target: [UInt8], into writer: inout ByteWriter) {
        base.withUnsafeBytes { base in
            target.withUnsafeBytes { target in create(from: base, to: target, into: &writer) }
        }
    }

    /// The same for bytes in place.
    package static func create(
        from base: UnsafeRawBufferPointer, to target: UnsafeRawBufferPointer, into writer: inout ByteWriter
    ) {
        writer.appendDeltaNumber(UInt32(truncatingIfNeeded: target.count))
        writer.append(UInt8(ascii: "\n"))
        var builder = FossilDeltaBuilder(base: base, target: target)
        builder.appendSegments(into: &writer)
        writer.appendDeltaNumber(checksum(target))
        writer.append(UInt8(ascii: ";"))
    }

    /// The sum of the bytes as big-endian words of 32 bits.
    ///
    /// The last one is filled up with zeros.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var sum: UInt32 = 0
        var index = 0
        while index + 4 <= bytes.count {
            sum &+= UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
            index += 4
        }
        for rest in index..<bytes.count {
            sum &+= UInt32(bytes[rest]) << UInt32(24 - 8 * (rest - index))
        }
        return sum
    }

    /// The 64 digits, in the order of their values.
    static let digits: StaticString = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~"

    /// How many digits `number` has.
    @inline(__always)
    static func width(_ number: Int) -> Int {
        number == 0 ? 1 : (69 - number.leadingZeroBitCount) / 6
    }
}

extension ByteWriter {
    /// `number` in the digits of the format, without leading zeros.
    mutating func appendDeltaNumber(_ number: UInt32) {
        let digits = FossilDelta.digits.utf8Start
        var shift = (FossilDelta.width(Int(number)) - 1) * 6
        while shift >= 0 {
            append(digits[Int(number >> UInt32(shift) & 63)])
            shift -= 6
        }
    }
}
