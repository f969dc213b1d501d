package import PharosDomain

/// The parameters of the stateless poll `GET /poll`.
///
/// They come in its own words or in those of the older room protocol.
package struct PollRequest: Equatable, Sendable {
    /// 1 to 128 channels, each once, in the order of the query; in a room exactly one.
    package var channels: [Channel] = []
    /// How long to wait for news: 0 to 60, by `Request-Timeout` up to 120.
    package var waitSeconds = 25
    /// Publications per channel, 1 to 1,000.
    package var limit = 100
    /// Connection token; empty: none.
    package var token = ""
    /// Whether a newer poll of the same user on the same channels ends this one.
    ///
    /// Always so in a room.
    package var isExclusive = false
    /// Whether to answer by the room protocol.
    ///
    /// Then a `RoomPollError` stands for an empty answer or a conflict.
    package var isRoom = false

    package struct Channel: Equatable, Sendable {
        package var name: ChannelName
        package var start: Start

        package init(_ name: ChannelName, _ start: Start) {
            self.name = name
            self.start = start
        }
    }

    package enum Start: Equatable, Sendable {
        /// From now on.
        case newest
        /// From the oldest publication kept.
        case oldest
        case after(StreamPosition)
    }

    package init() {}

    /// Whether it says where some channel is to go on.
    package var isResumed: Bool {
        channels.contains { if case .after = $0.start { true } else { false } }
    }

    /// Reads query and header fields. Unknown parameters are ignored.
    package static func decode(
        query: UnsafeRawBufferPointer, fields: RequestFields
    ) throws(PollRequestError) -> PollRequest {
        var request: PollRequest
        let timeout: Int?
        do throws(ParameterError) {
            let parameters = try PollParameters(query, fields)
            timeout = parameters.timeout
            request = try parameters.combined()
        } catch {
            throw .parameter(error)
        }
        if let timeout {
            guard timeout - answerSeconds >= shortestRoomWait else { throw .shortPollingTimeout }
            request.waitSeconds = min(timeout - answerSeconds, longestRoomWait)
        }
        return request
    }

    /// The seconds of its timeout that a room poll keeps for the answer's way.
    private static let answerSeconds = 1
    private static let shortestRoomWait = 10
    private static let longestRoomWait = 120
}
