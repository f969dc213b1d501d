package import PharosDomain

/// A JSON value (RFC 8259) as the strict `JSONReader` found it.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// As written, so that integers stay exact.
    case number(String)
    case string(String)
    /// A string with half a surrogate pair.
    ///
    /// It is JSON (RFC 8259, section 8.2), but no text that could be compared.
    case brokenString
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    package var string: String? {
        if case .string(let text) = self { return text }
        return nil
    }

    /// A word that is looked for.
    package var word: ClaimName? { string.map { ClaimName($0) } }

    package var bool: Bool? {
        if case .bool(let value) = self { return value }
        return nil
    }

    package var array: [JSONValue]? {
        if case .array(let elements) = self { return elements }
        return nil
    }

    package var object: JSONObject? {
        if case .object(let object) = self { return object }
        return nil
    }

    /// The strings of an array that holds nothing else.
    package var strings: [String]? {
        guard let elements = array else { return nil }
        var texts: [String] = []
        texts.reserveCapacity(elements.count)
        for element in elements {
            guard let text = element.string else { return nil }
            texts.append(text)
        }
        return texts
    }

    /// A number rounded down to whole seconds.
    ///
    /// It is held within the range of `Int64` however large it is.
    ///
    /// RFC 7519 §2 allows fractions in a NumericDate; `1e300` is a number too, and must not trap.
    package var seconds: Int64? {
        guard case .number(let text) = self else { return nil }
        if let exact = Int64(text) { return exact }
        guard let value = Double(text), !value.isNaN else { return nil }
        let whole = value.rounded(.down)
        if let fits = Int64(exactly: whole) { return fits }
        return whole < 0 ? .min : .max
    }
}

/// The members of a JSON object in their order.
///
/// No name occurs twice: the reader refuses that.
package struct JSONObject: Equatable, Sendable {
    package struct Member: Equatable, Sendable {
        package var name: ClaimName
        package var value: JSONValue
        /// The value as it was written.
        package var source: ArraySlice<UInt8>
    }

    package internal(set) var members: [Member] = []

    package init() {}

    /// The value of a member. `null` counts as absent.
    package subscript(name: ClaimName) -> JSONValue? {
        member(name)?.value
    }

    /// The text of a member's value without white space between its tokens.
    ///
    /// `null` counts as absent.
    ///
    /// Without white space, because a line feed inside it would end a message of the client protocol.
    package func compactText(of name: ClaimName) -> [UInt8]? {
        member(name).map { JSONReader.compacted($0.source) }
    }

    private func member(_ name: ClaimName) -> Member? {
        guard let found = members.first(where: { $0.name == name }), found.value != .null else { return nil }
        return found
    }
}
