/// Why a body of `POST /emulation` is refused.
package enum EmulationError: Error, Equatable, Sendable {
    /// Status 400.
    case malformed(MalformedFrame)
    /// Status 413: more than `limit` bytes of commands.
    case dataTooLong(limit: Int)
}
