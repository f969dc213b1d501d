import PharosDomain
import PharosEdge
import PharosProtocol

/// Who waits for the answer of a call.
indirect enum CallOrigin {
    case http(ConnectionID, transportErrors: Bool)
    case backend(BackendCall, transportErrors: Bool)
    case client(ConnectionID, command: UInt32)
    case direct(DirectCall)
    /// The stream of a subscriber inside the process.
    case inProcess(InProcessTicket)
    /// A stateless poll, for one of its channels.
    case poll(ConnectionID, channel: Int)
    /// One of the calls of a batch or broadcast.
    case item(parent: UInt64, index: Int)
}

/// Calls whose answer comes later, by ticket: from another shard, from all shards, or piece by piece.
struct PendingCalls {
    enum Call {
        /// One answer from a channel's owner.
        case owner(CallOrigin)
        /// One answer from every shard.
        case control(CallOrigin, remaining: Int, collected: ControlCollection)
    }

    struct ControlCollection {
        var kind: Kind
        var channels: [ChannelName: Int] = [:]
        var summary = ShardSummary()
        var sent = SendCount()
        var connections: [APIConnection] = []
        var error: ReplyError?

        enum Kind {
            case done
            case channels(APIChannels)
            case info
            case send(APITarget)
            case connections(limit: Int)
        }
    }

    private var calls: [UInt64: Call] = [:]
    private var batches: [UInt64: CallBatch] = [:]
    private var nextTicket: UInt64 = 1

    var count: Int { calls.count + batches.count }

    mutating func add(_ call: Call) -> UInt64 {
        let ticket = nextTicket
        nextTicket += 1
        calls[ticket] = call
        return ticket
    }

    subscript(ticket: UInt64) -> Call? {
        get { calls[ticket] }
        set { calls[ticket] = newValue }
    }

    mutating func take(_ ticket: UInt64) -> Call? { calls.removeValue(forKey: ticket) }

    // MARK: Batches

    mutating func add(_ batch: CallBatch) -> UInt64 {
        let ticket = nextTicket
        nextTicket += 1
        batches[ticket] = batch
        return ticket
    }

    /// Changes a batch where it stands; nil: it is over.
    mutating func withBatch<Result>(_ ticket: UInt64, _ body: (inout CallBatch) -> Result) -> Result? {
        guard batches[ticket] != nil else { return nil }
        return body(&batches[ticket]!)
    }

    mutating func takeBatch(_ ticket: UInt64) -> CallBatch? { batches.removeValue(forKey: ticket) }
}
