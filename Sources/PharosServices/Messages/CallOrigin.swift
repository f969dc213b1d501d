import PharosDomain
import PharosEdge

/// The receiver of the answer to a call of the server API.
enum CallOrigin {
    case http(AnswerTicket, transportErrors: Bool)
    case backend(BackendCall, transportErrors: Bool)
    case direct(DirectCall)
    /// One of the calls of a batch or broadcast.
    case item(parent: UInt64, index: Int)
}
