/// Why a delta cannot be applied.
package enum FossilDeltaError: Error, Equatable, Sendable {
    /// Not a delta. The reason never holds any part of it.
    case malformed(String)
    /// The target would be longer than `limit` bytes.
    case tooLong(limit: Int)
    /// A delta that was made from another text.
    ///
    /// It copies beyond the end, or the checksum is another.
    case wrongBase
}
