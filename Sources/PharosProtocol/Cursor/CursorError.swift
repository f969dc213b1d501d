/// Why a text names no positions.
package enum CursorError: Error, Equatable, Sendable {
    /// Made by another version of the server.
    case unknownVersion
    case malformed
    /// More than `limit` channels.
    case tooManyChannels(limit: Int)

    /// The reason for the answer to the cursor's sender.
    package var problem: String {
        switch self {
        case .unknownVersion: "of an unknown version"
        case .malformed: "malformed"
        case .tooManyChannels(let limit): "at most \(limit) channels"
        }
    }
}
