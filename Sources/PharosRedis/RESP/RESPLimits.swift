/// How much of one value a `RESPParser` accepts; beyond it the value is refused.
///
/// Announced lengths are checked before anything of them is read; memory grows with what arrives.
package struct RESPLimits: Equatable, Sendable {
    /// The deepest nesting that can be asked for.
    ///
    /// Values are freed and compared recursively.
    package static let deepest = 512

    /// Bytes of a line, its type included, its end not.
    package var lineBytes: Int
    /// Bytes of one bulk string, bulk error or verbatim string.
    package var bulkBytes: Int
    /// Elements of all aggregates within one value; a pair counts as two.
    package var elements: Int
    /// Aggregates and attributes within each other.
    package var depth: Int
    /// Bytes of all lines and bulk strings of one value.
    package var valueBytes: Int

    /// - Parameter depth: at most `deepest`.
    package init(
        lineBytes: Int = 8_192, bulkBytes: Int = 16 << 20, elements: Int = 262_144, depth: Int = 32,
        valueBytes: Int = 64 << 20
    ) {
        precondition((0...RESPLimits.deepest).contains(depth), "a depth is at most RESPLimits.deepest")
        self.lineBytes = lineBytes
        self.bulkBytes = bulkBytes
        self.elements = elements
        self.depth = depth
        self.valueBytes = valueBytes
    }
}
