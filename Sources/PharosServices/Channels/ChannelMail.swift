import PharosDomain

/// What happens in a channel, told to every shard with subscribers.
enum ChannelEvent: Sendable {
    /// `epoch` is empty in channels without history. The client `except` does not get it.
    case publication(Publication, epoch: Epoch, except: ClientID? = nil)
    case join(ClientInfo)
    case leave(ClientInfo)
}

/// One publication on its way to the channel's owner.
struct PublishOrder: Sendable {
    var channel: ChannelName
    var publication: Publication
    var options: ChannelOptions
    var skipHistory = false
    var idempotencyKey: IdempotencyKey = ""
    var version: UInt64 = 0
    var versionEpoch: Epoch = ""
    /// The client that does not get it live: who published, for example.
    var except: ClientID?
}

/// A shard's subscriber is to be added.
struct AttachRequest: Sendable {
    var channel: ChannelName
    var options: ChannelOptions
    var info: ClientInfo
    var keepsPresence: Bool
    var emitsJoin: Bool
    var isPositioned: Bool
    var recoverFrom: StreamPosition?
    var recoveryMode: ChannelOptions.RecoveryMode
}

/// A shard's subscriber is gone.
struct DetachRequest: Sendable {
    var channel: ChannelName
    var info: ClientInfo
    var keepsPresence: Bool
    var emitsLeave: Bool
    var isLastOfShard: Bool
}

struct HistoryOrder: Sendable {
    var channel: ChannelName
    var options: ChannelOptions
    var limit: Int32
    var since: StreamPosition?
    var reverse: Bool
}

/// What a channel's owner is asked; every question gets one answer.
enum OwnerCall: Sendable {
    case publish(PublishOrder)
    case presence(channel: ChannelName)
    case presenceStats(channel: ChannelName)
    case history(HistoryOrder)
    /// As `history`, and from before the read on the shard hears of the channel.
    case watch(HistoryOrder, shard: Int)
    case removeHistory(channel: ChannelName)
}

enum OwnerAnswer: Sendable {
    case position(StreamPosition)
    case members([ClientName: ClientInfo])
    case stats(clients: UInt32, users: UInt32)
    case read(StreamRead)
    case done
}
