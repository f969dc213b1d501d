package import PharosBytes
import PharosDomain

/// The form of the answer to a stateless poll: our own, or the room protocol's.
///
/// No `ClientDialect`: a poll is one request with one answer. It has no session that replies, no pushes, and no lane;
/// its commands are in the query, and all that depends on the form is the status and the body of the answer.
package enum PollDialect: Equatable, Sendable {
    case plain
    /// With errors that have statuses of their own; see `RoomPollError`.
    case room

    package init(_ request: PollRequest) { self = request.isRoom ? .room : .plain }

    /// Appends the answer to a poll that is over, and returns its status.
    ///
    /// - Parameter waitedSeconds: how long the poll has waited for news.
    package func encode(
        _ channels: [PollChannelAnswer], waitedSeconds: Int, into writer: inout ByteWriter
    ) -> Int {
        let hasNews = channels.contains { !$0.publications.isEmpty || $0.recovered == false }
        if self == .room, !hasNews, let channel = channels.first {
            return PollDialect.encode(.noNews(room: channel.channel, seconds: waitedSeconds), into: &writer)
        }
        PollAnswerEncoder.encode(channels, into: &writer)
        return 200
    }

    /// Appends the answer to a poll that a newer one has ended, and returns its status.
    package func encodeCanceled(into writer: inout ByteWriter) -> Int {
        switch self {
        case .plain: PollDialect.encode(status: 409, "ended by a newer poll", into: &writer)
        case .room: PollDialect.encode(.canceled, into: &writer)
        }
    }

    /// Appends the answer to a request that is no poll, and returns its status.
    package static func encode(_ error: PollRequestError, into writer: inout ByteWriter) -> Int {
        switch error {
        case .parameter(let error): encode(status: 400, error.message, into: &writer)
        case .shortPollingTimeout: encode(RoomPollError.shortPollingTimeout, into: &writer)
        }
    }

    private static func encode(_ error: RoomPollError, into writer: inout ByteWriter) -> Int {
        error.encode(into: &writer)
        return error.status
    }

    private static func encode(status: Int, _ message: String, into writer: inout ByteWriter) -> Int {
        writer.appendHTTPError(status: status, message)
        return status
    }
}

extension ByteWriter {
    /// Appends the body of an HTTP error: `{"error":{"code":…,"message":"…"}}`.
    package mutating func appendHTTPError(status: Int, _ message: String) {
        jsonLiteral("{\"error\":{\"code\":")
        appendDecimal(status)
        jsonLiteral(",\"message\":")
        appendJSONString(message)
        jsonLiteral("}}")
    }
}
