package import PharosDomain

/// Why a call could not be carried out.
///
/// The codes are those of the client protocol and of the server API: 102 unknown channel, 106 limit exceeded, 107 bad
/// request, 108 not available in this channel, 112 unrecoverable position, and so on.
public struct PharosError: Error, Hashable, Sendable, CustomStringConvertible {
    public let code: UInt32
    /// Names the field at fault, and never holds what was sent.
    public let message: String
    /// Whether the same call may succeed later.
    public let isTemporary: Bool

    package init(code: UInt32, message: String, isTemporary: Bool = false) {
        self.code = code
        self.message = message
        self.isTemporary = isTemporary
    }

    package init(_ error: ReplyError) {
        self.init(code: error.code, message: error.message, isTemporary: error.isTemporary)
    }

    /// The server has ended, or the task that waited for it was cancelled.
    public static let stopped = PharosError(code: 0, message: "the server is not running")

    public var description: String { "\(message) (\(code))" }
}
