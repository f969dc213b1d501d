package import PharosBytes
package import PharosDomain

/// Names of all kinds, written like other text and read as what they are.
extension ByteWriter {
    package mutating func append<Kind>(_ name: Identifier<Kind>) { append(name.text) }

    mutating func appendJSONString<Kind>(_ name: Identifier<Kind>) { appendJSONString(name.text) }

    mutating func jsonKey<Kind>(_ name: Identifier<Kind>) { jsonKey(name.text) }

    mutating func jsonText<Kind>(_ name: StaticString, _ text: Identifier<Kind>) { jsonText(name, text.text) }

    mutating func jsonField<Kind>(_ name: StaticString, string: Identifier<Kind>) {
        jsonField(name, string: string.text)
    }

    mutating func jsonField<Kind>(_ name: StaticString, map: [Identifier<Kind>: String]) {
        guard !map.isEmpty else { return }
        beginJSONObject(name)
        for (key, value) in map {
            jsonKey(key)
            appendJSONString(value)
        }
        endJSONObject()
    }

    package mutating func appendField<Kind>(_ number: Int, _ name: Identifier<Kind>) { appendField(number, name.text) }
}

extension JSONText {
    /// The text with its escapes resolved, as a name.
    package func name<Kind>(_ kind: Kind.Type = Kind.self) throws(MalformedFrame) -> Identifier<Kind> {
        Identifier(try string)
    }
}

extension JSONScanner {
    mutating func stringField<Kind>() throws(MalformedFrame) -> Identifier<Kind> {
        Identifier(try stringField() as String)
    }

    mutating func stringListField<Kind>() throws(MalformedFrame) -> [Identifier<Kind>] {
        guard !skipNull() else { return [] }
        var list: [Identifier<Kind>] = []
        try beginArray()
        while try nextElement() { list.append(try text().name()) }
        return list
    }
}

extension ProtobufReader {
    package mutating func string<Kind>(_ field: Field) throws(MalformedFrame) -> Identifier<Kind> {
        Identifier(try string(field) as String)
    }
}

extension ProtobufPublication {
    static func size<Kind>(_ name: Identifier<Kind>) -> Int { size(name.text) }
}
