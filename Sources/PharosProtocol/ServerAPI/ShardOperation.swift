package import PharosDomain

/// One thing that shards do or answer for a verb; plans are made of them.
package enum ShardOperation: Sendable {
    // MARK: By the channel's owner

    /// Answered with `presence`.
    case members(ChannelName)
    /// Answered with `presenceStats`.
    case memberCounts(ChannelName)
    /// Answered with `history`.
    case read(APIHistory, ChannelOptions)
    case removeHistory(ChannelName)

    // MARK: By the shard that was called

    /// Answered with a `ChannelRetention`.
    case retention(ChannelOptions)

    // MARK: By every shard

    case subscribe(APISubscribe)
    case unsubscribe(APIUnsubscribe)
    case disconnect(APIDisconnect)
    case refresh(APIRefresh)
    case send(APISend)
    case listConnections(APIConnections)
    case listChannels(APIChannels)
    /// Answered as `listChannels` is, with this channel alone.
    case countSubscribers(ChannelName)
    /// Answered with `info`.
    case summary
}
