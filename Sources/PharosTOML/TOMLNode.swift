/// A value of a TOML 1.0 document, and the line on which it stands.
package struct TOMLNode: Equatable, Sendable {
    package var value: Value
    /// From 1.
    package var line: Int

    package indirect enum Value: Equatable, Sendable {
        case text(String)
        /// A number, a boolean or a time, in its plainest spelling.
        ///
        /// `0x1F` and `3_1` are `31`.
        case plain(String)
        case list([TOMLNode])
        case table([Entry])
    }

    /// One key of a table; a table has each key once, in the order of the document.
    package struct Entry: Equatable, Sendable {
        package var key: String
        /// The line of the key.
        package var line: Int
        package var node: TOMLNode

        package init(key: String, line: Int, node: TOMLNode) {
            self.key = key
            self.line = line
            self.node = node
        }
    }

    package init(_ value: Value, line: Int) {
        self.value = value
        self.line = line
    }
}

/// Why a text is not a TOML document.
///
/// The message never shows the document, which may hold secrets; only keys are named.
package struct TOMLError: Error, Equatable, Sendable {
    package var message: String
    /// From 1.
    package var line: Int
}
