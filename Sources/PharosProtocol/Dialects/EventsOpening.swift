import PharosDomain

/// A request for an event stream, until the first message can be sent.
final class EventsOpening {
    let request: EventsRequest
    /// Field lines of the answer's head.
    let answerFields: [UInt8]
    let sessionTTLMs: Int64
    /// The answer's head is out.
    var hasBegun = false
    /// Whether a session of this client is being continued.
    var continuesSession = false
    var client: ClientName = ""
    /// Subscribes that are not answered yet.
    var awaited = 0
    var subscriptions: [EventStreamInfo.Subscription] = []
    var failures: [EventStreamFailure] = []
    /// Whether one of them may succeed later.
    var failsForNow = false
    /// Publications that came before the first message.
    var backlog: [(channel: ChannelName, publication: Publication)] = []
    /// Messages in no channel that came before the first one, as they go out.
    var messages: [[UInt8]] = []

    init(_ request: EventsRequest, answerFields: [UInt8], sessionTTLMs: Int64) {
        self.request = request
        self.answerFields = answerFields
        self.sessionTTLMs = sessionTTLMs
    }

    // MARK: Commands

    /// The id of the connect.
    ///
    /// Those of subscribes follow, in the order of the request's channels.
    static let connectID: UInt32 = 1

    var connectCommand: Command {
        var connect = ConnectRequest()
        connect.token = request.token
        if case .after(let positions) = request.resume { connect.positions = positions }
        return Command(id: EventsOpening.connectID, request: .connect(connect))
    }

    /// Subscribes to all channels of the request that the connect did not bring.
    func subscribeCommands(without given: [ChannelName: SubscribeResult]) -> [Command] {
        request.channels.enumerated().filter { given[$0.element] == nil }.map { index, channel in
            Command(id: EventsOpening.connectID + 1 + UInt32(index), request: .subscribe(subscribeRequest(channel)))
        }
    }

    /// The channel of a subscribe; nil for an id that no subscribe has.
    func channel(of command: UInt32) -> ChannelName? {
        let index = Int(command) - Int(EventsOpening.connectID) - 1
        return request.channels.indices.contains(index) ? request.channels[index] : nil
    }

    private func subscribeRequest(_ channel: ChannelName) -> SubscribeRequest {
        var subscribe = SubscribeRequest(channel: channel)
        subscribe.positioned = true
        subscribe.recoverable = true
        if case .after(let positions) = request.resume, let position = positions.position(of: channel) {
            subscribe.recover = true
            subscribe.offset = position.offset
            subscribe.epoch = position.epoch
        }
        return subscribe
    }

    // MARK: Answers

    /// Keeps the answer about one channel for the first message.
    func note(_ channel: ChannelName, _ result: SubscribeResult) {
        let recovered: Bool? = result.wasRecovering && isResumed(channel) ? result.recovered : nil
        subscriptions.append(.init(channel, recovered: recovered))
        for publication in result.publications { backlog.append((channel, publication)) }
    }

    /// Whether the stream goes on from somewhere in this channel.
    ///
    /// If not, it says nothing about continuity.
    private func isResumed(_ channel: ChannelName) -> Bool {
        guard case .after(let positions) = request.resume, positions.position(of: channel) != nil else {
            return continuesSession
        }
        return true
    }

    /// The first message.
    var info: EventStreamInfo {
        let hasKey = !request.session.isEmpty
        return EventStreamInfo(
            clientID: hasKey ? request.session.renamed(to: NameOf.Client.self) : client,
            clientTTLMs: hasKey ? sessionTTLMs : 0, subscriptions: subscriptions)
    }
}
