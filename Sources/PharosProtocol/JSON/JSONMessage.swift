import PharosDomain

/// A message whose fields arrive as the members of one JSON object, in any order.
protocol JSONMessage {
    /// The message before any field was read.
    static var withoutFields: Self { get }
    /// Reads the value of one field; skips the value of a field that it does not know.
    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame)
}

/// The values that a field may hold.
///
/// `null` in place of a scalar, list or map is its default value, as in the JSON mapping of proto3.
/// Items of lists and maps, and messages, are never null.
extension JSONScanner {
    mutating func message<Message: JSONMessage>(
        _ type: Message.Type = Message.self
    ) throws(MalformedFrame) -> Message {
        var message = Message.withoutFields
        try beginObject()
        while let field = try nextMember() { try message.read(field, from: &self) }
        return message
    }

    /// A message that may be absent: `null` is nil.
    mutating func optionalMessage<Message: JSONMessage>(
        _ type: Message.Type = Message.self
    ) throws(MalformedFrame) -> Message? {
        skipNull() ? nil : try message(type)
    }

    mutating func stringField() throws(MalformedFrame) -> String {
        skipNull() ? "" : try text().string
    }

    mutating func integerField<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(MalformedFrame) -> Number {
        skipNull() ? 0 : try integer(type)
    }

    mutating func boolField() throws(MalformedFrame) -> Bool {
        skipNull() ? false : try bool()
    }

    /// A field of type `bytes`: the value's JSON text as it stands.
    mutating func rawField() throws(MalformedFrame) -> [UInt8] {
        Array(try skipValue())
    }

    mutating func stringMapField<Kind>() throws(MalformedFrame) -> [Identifier<Kind>: String] {
        guard !skipNull() else { return [:] }
        var map: [Identifier<Kind>: String] = [:]
        try beginObject()
        while let key = try nextMember() { map[try key.name()] = try text().string }
        return map
    }

    mutating func messageMapField<Kind, Message: JSONMessage>(
        _ type: Message.Type = Message.self
    ) throws(MalformedFrame) -> [Identifier<Kind>: Message] {
        guard !skipNull() else { return [:] }
        var map: [Identifier<Kind>: Message] = [:]
        try beginObject()
        while let key = try nextMember() { map[try key.name()] = try message(type) }
        return map
    }

    mutating func stringListField() throws(MalformedFrame) -> [String] {
        guard !skipNull() else { return [] }
        var list: [String] = []
        try beginArray()
        while try nextElement() { list.append(try text().string) }
        return list
    }

    mutating func messageListField<Message: JSONMessage>(
        _ type: Message.Type = Message.self
    ) throws(MalformedFrame) -> [Message] {
        guard !skipNull() else { return [] }
        var list: [Message] = []
        try beginArray()
        while try nextElement() { list.append(try message(type)) }
        return list
    }
}
