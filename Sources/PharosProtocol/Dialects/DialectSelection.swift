/// How a client asks for a dialect.
///
/// Without any of these it gets the first one of the table.
package struct DialectSelection: Sendable {
    /// Names in `Sec-WebSocket-Protocol` (RFC 6455, section 4.2.2).
    package var subprotocols: [String] = []
    /// Query parameters that ask for it where no subprotocol was agreed on.
    package var flags: [QueryFlag] = []
    /// How the `Content-Type` of a stream's request begins.
    ///
    /// Empty: it cannot be asked for that way.
    package var contentType = ""

    package init() {}
}

/// A query parameter with one value, which a client sets to ask for something.
package struct QueryFlag: Equatable, Sendable {
    package let name: String
    package let value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// Whether the first parameter of that name has that value.
    ///
    /// Both are compared as they stand, without percent-decoding.
    package func isSet(in query: UnsafeRawBufferPointer) -> Bool {
        for part in query.split(separator: UInt8(ascii: "&")) {
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")), part[..<equals].elementsEqual(name.utf8) else {
                continue
            }
            return part[(equals + 1)...].elementsEqual(value.utf8)
        }
        return false
    }
}
