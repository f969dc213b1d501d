import PharosDomain
import PharosEdge
import PharosProtocol

/// What shards and the outside world say to a shard. Between two shards the order of posting is kept: everything that is
/// promised about order across shards rests on that.
enum ShardMail: Sendable {
    /// To a channel's owner: add a subscriber of `shard`; answered with `attached`.
    case attach(AttachTicket, shard: Int)
    case attached(ConnectionID, generation: UInt32, Result<StreamRead?, ReplyError>)
    /// To a channel's owner.
    case detach(DetachRequest, shard: Int)
    /// From a channel's owner to the shards with subscribers.
    case deliver(channel: ChannelName, ChannelEvent)
    /// To a channel's owner: where does the stream stand? Answered with `position`, after all deliveries before.
    case askPosition(channel: ChannelName, shard: Int)
    case position(channel: ChannelName, StreamPosition)
    case call(OwnerCall, shard: Int, ticket: UInt64)
    case answered(ticket: UInt64, Result<OwnerAnswer, ReplyError>)
    /// From the durable store: what one group commit brought to its end.
    case stored([StreamCompletion])
    /// To every shard: something about its connections; answered with `controlled`.
    case control(ControlCommand, shard: Int, ticket: UInt64)
    case controlled(ticket: UInt64, ControlAnswer)
    /// To every shard: a newer connection of the user stays alone.
    case disconnectOlder(user: UserID, sequence: UInt64)
    /// Commands for a stream of that shard.
    case emulated(ClientID, [UInt8])
    /// A newer poll of the same user has come, maybe on another shard.
    case cancelPoll(ConnectionID)
    case pollKeysLoaded(ConnectionID)
    /// A poll of a session of that shard; answered with `sessionPolled`.
    case pollSession(SessionPollOrder)
    case sessionPolled(ConnectionID, SessionPollAnswer)
    /// Nobody waits for the answer of the session's poll any more.
    case sessionPollerGone(session: ConnectionID, poller: ConnectionID, shard: Int)
    /// A client has come back while its old connection, on that shard, still stands: it is to end.
    case yieldSession(ConnectionID)
    /// The old connection of a client has left what it had, maybe nothing.
    case sessionYielded(ConnectionID, key: SessionKey)
    /// A token waited for keys: look at it again.
    case keysLoaded(ConnectionID, SessionAction)
    /// A server API call that came in outside the shard.
    case backendCall(BackendCall)
    /// The application has answered the question with this number.
    case hookAnswered(ConnectionID, UInt32, HookOutcome)
    /// The application has decided about a request.
    case handshakeAnswered(ConnectionID, HookOutcome)
    /// The origin has answered the event with this number.
    case rawAnswered(ConnectionID, UInt64, RawAnswer)
    /// Something to be done with raw connections of that shard; answered with `rawDone`.
    case rawOrder(RawOrder, shard: Int, ticket: UInt64)
    case rawDone(ticket: UInt64, RawOrderAnswer)
    /// A request for raw connections that came in outside the shard.
    case rawCall(RawBackendCall)
    /// The responder has answered a request.
    case responded(ConnectionID, ResponderAnswer)
    case counters(CounterCall)
    case directCall(DirectCall)
    case countSubscribers(CountCall)
    /// To a channel's owner.
    case joinInProcess(InProcessJoin)
    case leaveInProcess(InProcessTicket)
    case shutdown(windowMs: Int64)
}

/// A subscriber to be added, and who waits for the answer.
struct AttachTicket: Sendable {
    let request: AttachRequest
    let connection: ConnectionID
    let generation: UInt32
}

/// A wish about connections that any shard may hold.
enum ControlCommand: Sendable {
    case subscribe(APISubscribe)
    case unsubscribe(APIUnsubscribe)
    case disconnect(APIDisconnect)
    case refresh(APIRefresh)
    case listChannels
    case countSubscribers(ChannelName)
    case summary
    case send(APISend)
    case listConnections(APIConnections)
}

enum ControlAnswer: Sendable {
    case done
    case failed(ReplyError)
    case channels([ChannelName: Int])
    case summary(ShardSummary)
    case sent(SendCount)
    /// In the order of client ids, one more than a page at most.
    case connections([APIConnection])
}

/// One shard's part of `info`.
struct ShardSummary: Sendable {
    var clients = 0
    var users: Set<UserID> = []
    var subscriptions = 0
    var channels: Set<ChannelName> = []
}

/// A server API call from outside, and its answer.
struct BackendCall: OutsideRequest {
    let path: APIPath
    let headers: [FieldName: String]
    let query: String
    let body: [UInt8]
    private let reply: ReplyOnce<APIResponse>

    init(
        path: APIPath, query: String, headers: [FieldName: String], body: [UInt8],
        completion: @escaping @Sendable (APIResponse) -> Void
    ) {
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        reply = ReplyOnce(otherwise: .stopping, completion: completion)
    }

    func answer(_ response: APIResponse) { reply.answer(response) }
}

/// A question for one shard's counters; nil when it has ended.
struct CounterCall: Sendable {
    private let reply: ReplyOnce<NodeCounters?>

    init(completion: @escaping @Sendable (NodeCounters?) -> Void) {
        reply = ReplyOnce(otherwise: nil, completion: completion)
    }

    func answer(_ counters: NodeCounters?) { reply.answer(counters) }
}
