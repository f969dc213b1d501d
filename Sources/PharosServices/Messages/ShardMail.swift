import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// Messages between shards, and from the outside world to a shard.
///
/// Between two shards the order of posting is kept: everything that is promised about order across shards rests on that. A
/// shard sends the same messages to itself.
enum ShardMail: Sendable {
    // Channels: between the shards with subscribers and a channel's relay.
    case relay(RelayRequest, shard: Int)
    case relayed(RelayMessage)
    /// Requests to this shard's own relay have waited for the mail before this one.
    case releaseHeld
    /// The engine of this shard's relay, or its presence store, has events.
    case relayIsDue

    // Connections of this shard.
    /// A call about connections: answered through the gathering.
    case control(ControlCommand, ShardGathering)
    /// All nodes and shards have answered, or the time is over.
    case gathered(ticket: UInt64, NodeAnswers)
    /// Nodes have come or gone.
    case nodesChanged(NodesChange)
    /// A newer connection of the user stays alone.
    case disconnectOlder(user: UserID, sequence: UInt64)
    /// A token waited for keys: look at it again.
    case keysLoaded(ConnectionID, SessionAction)
    /// The application has answered the question with this number.
    case hookAnswered(ConnectionID, UInt32, HookOutcome)
    /// The application has decided about a request.
    case handshakeAnswered(ConnectionID, HookOutcome)
    /// A session of this shard is to end with a reason.
    case disconnect(ConnectionID, Disconnect)
    /// A client has come back while its old connection stands: that one is to end.
    case yieldSession(ConnectionID)
    /// The old connection of a client has left what it had, maybe nothing.
    case sessionYielded(ConnectionID, key: SessionKey)

    /// Other nodes have answered for a client that has come with a key.
    case sessionSurrendered(ConnectionID, key: SessionKey, SurrenderedSession)

    // Streams and polls.
    /// Commands for a stream of that shard.
    case emulated(ClientID, [UInt8])
    /// A client has come by a transport that exchanges messages.
    case openClient(ClientOpening, MessagePipe)
    case messageReceived(UInt64, [UInt8])
    case outboxReady(UInt64)
    case messageClientGone(UInt64)
    case messageClientEnded(ConnectionID, Disconnect, dropsOutput: Bool)
    /// A conversation has ended its connection by itself: the session is over.
    case conversationOver(ConnectionID)
    /// A plain event stream could not begin: answer its request.
    case refuseStream(ConnectionID, status: Int, message: String, fields: [UInt8])
    /// A newer poll of the same user has come, maybe on another shard.
    case cancelPoll(ConnectionID)
    case pollKeysLoaded(ConnectionID)
    /// A poll of a session of that shard; answered with `sessionPolled`.
    case pollSession(SessionPollOrder)
    case sessionPolled(ConnectionID, SessionPollAnswer)
    /// The poll that waited for the session has gone.
    case sessionPollerGone(session: ConnectionID, poller: ConnectionID, shard: Int)
    /// A polled session is over.
    case polledSessionEnded(ConnectionID, dropsOutput: Bool)

    // Raw connections.
    /// The origin has answered the event with this number.
    case rawAnswered(ConnectionID, UInt64, RawAnswer)
    /// An order for raw connections of that shard; answered with `rawDone`.
    case rawOrder(RawOrder, shard: Int, ticket: UInt64)
    case rawDone(ticket: UInt64, RawOrderAnswer)
    /// A request for raw connections that came in outside the shard.
    case rawCall(RawBackendCall)

    // Calls and requests from outside the shards.
    case backendCall(BackendCall)
    case directCall(DirectCall)
    /// The next call of a batch is to be begun.
    case continueCalls(UInt64)
    /// The responder has answered a request.
    case responded(ConnectionID, ResponderAnswer)
    case counters(CounterCall)
    case joinInProcess(InProcessJoin)
    case leaveInProcess(InProcessTicket)
    case shutdown(windowMs: Int64)
}
