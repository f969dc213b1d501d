package import PharosBytes
package import PharosDomain

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The fields of Protobuf messages.
///
/// As proto3 has it, a field with its zero value is left out.
///
/// Field numbers are below 16 in all messages that we write, so that a tag is one byte, but for a few up to 19.
extension ByteWriter {
    package mutating func appendVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    private mutating func appendTag(_ number: Int, _ wireType: ProtobufReader.WireType) {
        appendVarint(UInt64(number) << 3 | UInt64(wireType.rawValue))
    }

    package mutating func appendField(_ number: Int, _ value: UInt64) {
        guard value != 0 else { return }
        appendTag(number, .varint)
        appendVarint(value)
    }

    package mutating func appendField(_ number: Int, _ value: UInt32) { appendField(number, UInt64(value)) }

    /// Negative values take ten bytes.
    package mutating func appendField(_ number: Int, _ value: Int64) { appendField(number, UInt64(bitPattern: value)) }

    package mutating func appendField(_ number: Int, _ value: Int32) { appendField(number, Int64(value)) }

    package mutating func appendField(_ number: Int, _ value: Bool) { appendField(number, UInt64(value ? 1 : 0)) }

    package mutating func appendField(_ number: Int, _ text: String) {
        let length = text.utf8.count
        guard length > 0 else { return }
        appendLength(number, length)
        append(text)
    }

    package mutating func appendField(_ number: Int, _ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        appendLength(number, bytes.count)
        append(bytes)
    }

    /// The head of a length-delimited field; exactly `length` bytes are to follow.
    package mutating func appendLength(_ number: Int, _ length: Int) {
        appendTag(number, .delimited)
        appendVarint(UInt64(length))
    }

    /// A nested message, written even when it is empty.
    ///
    /// Its presence may have a meaning.
    package mutating func appendMessage(_ number: Int, _ body: (inout ByteWriter) -> Void) {
        appendTag(number, .delimited)
        appendDelimited(body)
    }

    /// Whatever `body` writes, with its length before it.
    ///
    /// One byte is kept free for the length; a longer content moves up once it is known. Messages nest five deep at the
    /// most, so each byte moves at most so often.
    package mutating func appendDelimited(_ body: (inout ByteWriter) -> Void) {
        let start = count
        append(0)
        body(&self)
        let length = count - start - 1
        let width = protobufVarintSize(UInt64(length))
        for _ in 1..<width { append(0) }
        if width > 1 { memmove(base + start + width, base + start + 1, length) }
        var rest = length
        for index in start..<start + width {
            let isLast = index == start + width - 1
            set(UInt8(truncatingIfNeeded: rest & 0x7f) | (isLast ? 0 : 0x80), at: index)
            rest >>= 7
        }
    }

    /// The entries of a map in the order of their keys.
    ///
    /// So equal values give equal bytes.
    package mutating func appendMap<Kind, Value>(
        _ number: Int, _ map: [Identifier<Kind>: Value], _ value: (inout ByteWriter, Value) -> Void
    ) {
        guard !map.isEmpty else { return }
        for key in map.keys.sorted() {
            appendMessage(number) { entry in
                entry.appendField(1, key)
                value(&entry, map[key]!)
            }
        }
    }

    /// A publication as field `number`, with its offset.
    package mutating func appendPublication(_ number: Int, _ publication: Publication) {
        ProtobufPublication.append(number, publication, into: &self)
    }

    package mutating func appendClientInfo(_ number: Int, _ info: ClientInfo) {
        ProtobufPublication.append(number, info, into: &self)
    }
}

/// How many bytes `value` takes as a varint.
@inline(__always)
func protobufVarintSize(_ value: UInt64) -> Int {
    // Seven bits in each byte; zero takes one byte too.
    (64 - (value | 1).leadingZeroBitCount + 6) / 7
}
