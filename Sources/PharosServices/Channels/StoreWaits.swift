import PharosDomain
import PharosEdge

/// Who is told what a channel's owner found out.
enum CallReply {
    case local(CallOrigin)
    case shard(Int, ticket: UInt64)
}

/// A subscriber whose stream is being read for it.
struct WaitingAttach {
    var request: AttachRequest
    var connection: ConnectionID
    var generation: UInt32
    var shard: Int
}

/// What the durable store has been asked, by ticket, and the readers that wait for the cache of a channel to be filled.
struct StoreWaits {
    enum Wait {
        case publish(PublishOrder, CallReply)
        case attach(WaitingAttach)
        case history(HistoryOrder, CallReply)
        case removeHistory(channel: ChannelName, CallReply)
        /// The newest publications of a channel are being read into the cache.
        case fill(channel: ChannelName, StreamRetention, limit: Int)
    }

    /// What waits for a fill: it is looked at again afterwards.
    enum Reader {
        case attach(WaitingAttach)
        case history(HistoryOrder, CallReply)
    }

    private var waits: [UInt64: Wait] = [:]
    private var readers: [ChannelName: [Reader]] = [:]
    private var nextTicket: UInt64 = 1

    var count: Int { waits.count }

    mutating func add(_ wait: Wait) -> UInt64 {
        let ticket = nextTicket
        nextTicket += 1
        waits[ticket] = wait
        return ticket
    }

    mutating func take(_ ticket: UInt64) -> Wait? { waits.removeValue(forKey: ticket) }

    /// True when the channel's fill is to be begun by the caller: nobody has asked for it yet.
    mutating func add(_ reader: Reader, to channel: ChannelName) -> Bool {
        let isFirst = readers[channel] == nil
        readers[channel, default: []].append(reader)
        return isFirst
    }

    mutating func takeReaders(of channel: ChannelName) -> [Reader] { readers.removeValue(forKey: channel) ?? [] }

    /// A subscriber that left before it was answered: its Join is not to follow its Leave. True if it waited.
    mutating func left(client: ClientName, channel: ChannelName) -> Bool {
        var waited = false
        func forget(_ attach: inout WaitingAttach) {
            guard attach.request.channel == channel, attach.request.info.client == client else { return }
            waited = waited || attach.request.emitsJoin
            attach.request.emitsJoin = false
        }
        for (ticket, wait) in waits {
            guard case .attach(var attach) = wait, attach.request.channel == channel else { continue }
            forget(&attach)
            waits[ticket] = .attach(attach)
        }
        for index in (readers[channel] ?? []).indices {
            guard case .attach(var attach) = readers[channel]![index] else { continue }
            forget(&attach)
            readers[channel]![index] = .attach(attach)
        }
        return waited
    }
}
