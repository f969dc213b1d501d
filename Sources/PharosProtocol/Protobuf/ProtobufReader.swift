/// A zero-copy cursor over the fields of one Protobuf message.
///
/// The memory belongs to the caller and must outlive the reader. Every length is compared with the bytes that are there
/// before anything is copied, so a message can not make the reader allocate more than its own size. Groups are refused:
/// no message of the protocol has any, and skipping them is the one place where a decoder would recurse.
package struct ProtobufReader {
    private var next: UnsafeRawPointer
    private let end: UnsafeRawPointer

    package init(_ bytes: UnsafeRawBufferPointer) {
        // An empty buffer may come without an address. Any address will do then: nothing is ever read from it.
        next = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
        end = next + bytes.count
    }

    package var isAtEnd: Bool { next == end }

    /// Bytes not read yet.
    package var remaining: Int { end - next }

    /// How a field's value is laid out.
    package enum WireType: UInt8, Sendable {
        case varint = 0
        case fixed64 = 1
        case delimited = 2
        case fixed32 = 5
    }

    /// The number and the type that stand before each value.
    package struct Field: Equatable, Sendable {
        package var number: Int
        package var wireType: WireType
    }

    static func malformed(_ reason: String) -> MalformedFrame { MalformedFrame(reason: "protobuf: " + reason) }

    /// The next field's number and layout, or nil at the end.
    ///
    /// Its value must be read or skipped before the next call.
    package mutating func nextField() throws(MalformedFrame) -> Field? {
        guard next != end else { return nil }
        let tag = try varint()
        let number = tag >> 3
        // Field numbers have 29 bits, and 0 is none.
        guard number > 0, number < 1 << 29 else { throw Self.malformed("field number out of range") }
        guard let wireType = WireType(rawValue: UInt8(truncatingIfNeeded: tag & 7)) else {
            throw Self.malformed("unsupported wire type")
        }
        return Field(number: Int(number), wireType: wireType)
    }

    /// A base-128 varint of at most ten bytes and 64 bits.
    ///
    /// Padding with zero bits is allowed, as in every Protobuf parser.
    package mutating func varint() throws(MalformedFrame) -> UInt64 {
        guard next != end else { throw Self.malformed("truncated varint") }
        let first = next.load(as: UInt8.self)
        if first < 0x80 {
            next += 1
            return UInt64(first)
        }
        var value = UInt64(first & 0x7f)
        var cursor = next + 1
        var shift: UInt64 = 7
        while cursor != end {
            let byte = cursor.load(as: UInt8.self)
            cursor += 1
            // The tenth byte holds the 64th bit and nothing else.
            guard shift < 63 || byte <= 1 else { throw Self.malformed("varint longer than 64 bits") }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 {
                next = cursor
                return value
            }
            shift += 7
        }
        throw Self.malformed("truncated varint")
    }

    /// The bytes of a length-delimited value, still in the caller's memory.
    package mutating func delimited() throws(MalformedFrame) -> UnsafeRawBufferPointer {
        let length = try varint()
        guard length <= UInt64(end - next) else { throw Self.malformed("length beyond the end") }
        let value = UnsafeRawBufferPointer(start: next, count: Int(length))
        next += Int(length)
        return value
    }

    /// Passes over the value of an unknown field.
    ///
    /// Required for compatibility: newer clients send more.
    package mutating func skip(_ field: Field) throws(MalformedFrame) {
        switch field.wireType {
        case .varint: _ = try varint()
        case .fixed64: try skip(bytes: 8)
        case .delimited: _ = try delimited()
        case .fixed32: try skip(bytes: 4)
        }
    }

    private mutating func skip(bytes count: Int) throws(MalformedFrame) {
        guard remaining >= count else { throw Self.malformed("truncated value") }
        next += count
    }
}
