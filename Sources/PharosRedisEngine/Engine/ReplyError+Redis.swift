import PharosDomain

extension ReplyError {
    /// The server is not reachable, or cannot do it now.
    ///
    /// Or it is not known whether it did.
    static let engineAway = ReplyError(code: 100, message: "the channel engine is away", isTemporary: true)
    static let engineBusy = ReplyError(code: 100, message: "the channel engine is busy", isTemporary: true)
    static let engineClosed = ReplyError(code: 100, message: "the channel engine is closed", isTemporary: true)
    /// The server refused it.
    static let engineFailing = ReplyError(code: 100, message: "the channel engine is failing", isTemporary: true)
}
