import PharosDomain

/// The channels that relays of this node follow.
///
/// With the state of their subscriptions. A state machine without IO; not thread-safe.
struct FollowedChannels<Request> {
    struct Entry {
        /// The relays that follow the channel.
        ///
        /// With the retention of its stream; nil: it has none.
        var relays: [(relay: Int, retention: StreamRetention?)] = []
        var state = State.awaited
        /// Requests that are carried out once the subscription is confirmed.
        var waiting: [Request] = []
        /// Whether publications may have been missed before it is confirmed.
        var isInterrupted = false
    }

    enum State {
        /// A confirmation is on its way.
        case awaited
        case live
        /// There is no connection.
        ///
        /// A gap, or the link's return, is reported when it is live again.
        case lost
    }

    private(set) var entries: [ChannelName: Entry] = [:]

    var channels: Dictionary<ChannelName, Entry>.Keys { entries.keys }

    subscript(channel: ChannelName) -> Entry? { entries[channel] }

    /// A relay follows a channel; returns whether a subscription is to be made.
    mutating func follow(_ channel: ChannelName, _ relay: Int, _ retention: StreamRetention?) -> Bool {
        let isNew = entries[channel] == nil
        entries[channel, default: Entry()].relays.removeAll { $0.relay == relay }
        entries[channel]!.relays.append((relay, retention))
        return isNew
    }

    /// A relay follows a channel no more.
    ///
    /// Returns the entry if the subscription is to be ended.
    mutating func unfollow(_ channel: ChannelName, _ relay: Int) -> Entry? {
        entries[channel]?.relays.removeAll { $0.relay == relay }
        guard entries[channel]?.relays.isEmpty == true else { return nil }
        return entries.removeValue(forKey: channel)
    }

    /// Keeps a request until the channel's subscription is confirmed.
    ///
    /// Returns false if it need not wait.
    mutating func hold(_ request: Request, _ channel: ChannelName) -> Bool {
        guard entries[channel]?.state == .awaited else { return false }
        entries[channel]!.waiting.append(request)
        return true
    }

    /// The subscription is in another state; what need not wait any more is returned.
    mutating func set(_ state: State, _ channel: ChannelName) -> [Request] {
        guard entries[channel] != nil else { return [] }
        entries[channel]!.state = state
        guard state != .awaited else { return [] }
        defer { entries[channel]!.waiting = [] }
        return entries[channel]!.waiting
    }

    /// Marks that publications may be missed until the subscription is confirmed.
    mutating func interrupt(_ channel: ChannelName) { entries[channel]?.isInterrupted = true }

    /// Whether it was interrupted; it is not any more.
    mutating func takeInterruption(_ channel: ChannelName) -> Bool {
        guard entries[channel]?.isInterrupted == true else { return false }
        entries[channel]!.isInterrupted = false
        return true
    }
}
