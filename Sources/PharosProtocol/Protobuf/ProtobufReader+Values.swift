package import PharosDomain

/// The values of known fields.
///
/// Each throws if the field came in a layout that its type does not have.
extension ProtobufReader {
    package mutating func uint64(_ field: Field) throws(MalformedFrame) -> UInt64 {
        try expect(.varint, field)
        return try varint()
    }

    package mutating func int64(_ field: Field) throws(MalformedFrame) -> Int64 {
        Int64(bitPattern: try uint64(field))
    }

    /// Reads a number; one of more than 32 bits is malformed.
    ///
    /// Cut off, a command's id would become another command's.
    package mutating func uint32(_ field: Field) throws(MalformedFrame) -> UInt32 {
        guard let value = UInt32(exactly: try uint64(field)) else { throw Self.malformed("value beyond 32 bits") }
        return value
    }

    /// A negative value takes ten bytes: its sign is extended to 64 bits.
    package mutating func int32(_ field: Field) throws(MalformedFrame) -> Int32 {
        guard let value = Int32(exactly: try int64(field)) else { throw Self.malformed("value beyond 32 bits") }
        return value
    }

    package mutating func bool(_ field: Field) throws(MalformedFrame) -> Bool {
        try uint64(field) != 0
    }

    /// Text in UTF-8; anything else is malformed.
    package mutating func string(_ field: Field) throws(MalformedFrame) -> String {
        try expect(.delimited, field)
        let bytes = try delimited()
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Self.malformed("text is not UTF-8")
        }
        return text
    }

    package mutating func bytes(_ field: Field) throws(MalformedFrame) -> [UInt8] {
        try expect(.delimited, field)
        return Array(try delimited())
    }

    /// A nested message, to be read by a reader of its own.
    package mutating func message(_ field: Field) throws(MalformedFrame) -> ProtobufReader {
        try expect(.delimited, field)
        return ProtobufReader(try delimited())
    }

    /// Reads one entry of a map.
    ///
    /// It is a message with the key as field 1 and the value as field 2; a missing one is empty.
    package mutating func mapEntry<Kind, Value>(
        _ field: Field, empty: Value, value: (inout ProtobufReader, Field) throws(MalformedFrame) -> Value
    ) throws(MalformedFrame) -> (Identifier<Kind>, Value) {
        var entry = try message(field)
        var key: Identifier<Kind> = ""
        var result = empty
        while let part = try entry.nextField() {
            switch part.number {
            case 1: key = try entry.string(part)
            case 2: result = try value(&entry, part)
            default: try entry.skip(part)
            }
        }
        return (key, result)
    }

    private func expect(_ wireType: WireType, _ field: Field) throws(MalformedFrame) {
        guard field.wireType == wireType else { throw Self.malformed("wrong wire type") }
    }
}
