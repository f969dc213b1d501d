package import PharosBytes
package import PharosDomain

/// The answer to a room poll that has no publications.
///
/// It is as the older room protocol has it.
package enum RoomPollError: Error, Equatable, Sendable {
    case badRequest(String)
    /// The request's timeout leaves too little to wait.
    case shortPollingTimeout
    /// Nothing came in all the seconds that the poll waited.
    case noNews(room: ChannelName, seconds: Int)
    /// A newer poll of the same user took the place of this one.
    case canceled

    /// The HTTP status.
    ///
    /// 551 and 552 are of the protocol's own making: intermediaries repeat requests after 408 and 500.
    package var status: Int {
        switch self {
        case .badRequest, .shortPollingTimeout: 400
        case .noNews: 551
        case .canceled: 552
        }
    }

    private var id: String {
        switch self {
        case .badRequest, .shortPollingTimeout: "error-bad-request"
        case .noNews: "error-poll-timeout"
        case .canceled: "error-canceled"
        }
    }

    private var detail: String {
        switch self {
        case .badRequest(let detail): detail
        case .shortPollingTimeout: "short polling timeout"
        case .noNews(let room, let seconds): "no new message for room \"\(room)\" after \(seconds)s"
        case .canceled: "canceled by a next attempt"
        }
    }

    /// Appends the body: `{"id":"…","code":551,"detail":"…"}`.
    ///
    /// It has the status' name where HTTP has one.
    package func encode(into writer: inout ByteWriter) {
        writer.beginJSONObject()
        writer.jsonField("id", string: id)
        writer.jsonField("code", unsigned: UInt64(status))
        writer.jsonField("detail", string: detail)
        if status == 400 { writer.jsonField("status", string: "Bad Request") }
        writer.endJSONObject()
    }
}
