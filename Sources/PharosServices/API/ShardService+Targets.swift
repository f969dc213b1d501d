import PharosDomain
import PharosEdge
import PharosProtocol

/// Which of this shard's connections a call of the server API means.
extension ShardService {
    /// Those for which everything named holds, excluded ones left out. Only clients whose connect was answered.
    ///
    /// - Parameter includesPending: subscribers whose subscribe is not answered yet count as subscribed.
    func matching(_ target: APITarget, _ edge: borrowing Edge, includesPending: Bool = false) -> [ConnectionID] {
        candidates(target, edge, includesPending: includesPending).filter { id in
            guard sessions.contains(id), sessions[id].isRegistered else { return false }
            return (target.user.isEmpty || sessions[id].session.user == target.user)
                && (target.session.isEmpty || isSession(id, target.session))
                && (target.channel.isEmpty || isSubscribed(id, target.channel, includesPending))
                && !target.exclude.contains(sessions[id].session.client)
        }
    }

    /// The least that holds all that are meant.
    private func candidates(
        _ target: APITarget, _ edge: borrowing Edge, includesPending: Bool
    ) -> [ConnectionID] {
        if !target.client.isEmpty { return connection(of: target.client).map { [$0] } ?? [] }
        if !target.session.isEmpty {
            return connection(ofSession: target.session).map { [$0] } ?? []
        }
        if !target.user.isEmpty { return sessions.connections(of: target.user) }
        if !target.channel.isEmpty { return subscribers(of: target.channel, edge, includesPending: includesPending) }
        return target.all ? sessions.registered : []
    }

    private func subscribers(
        of channel: ChannelName, _ edge: borrowing Edge, includesPending: Bool
    ) -> [ConnectionID] {
        guard let place = channels.index(of: channel) else { return [] }
        let live = subscribers(of: channels[place].topic, edge)
        let references = channels[place].references - (channels[place].isHeldForPolls ? 1 : 0)
        // Those that wait for their stream are in no list of their own.
        return includesPending && references > live.count ? sessions.registered : live
    }

    private func isSubscribed(_ id: ConnectionID, _ channel: ChannelName, _ includesPending: Bool) -> Bool {
        if includesPending { return sessions[id].session.holds(channel) }
        return sessions[id].session.subscription(of: channel) != nil
    }

    // MARK: Sessions by name

    /// A session has the name that its connect reply told, and maybe a key that its client chose.
    private func connection(ofSession key: SessionKey) -> ConnectionID? {
        if let name = ClientID(key.text), let id = place(of: name), isStream(id, name) { return id }
        guard let place = node.parked.holder(of: key), place.shard == index else { return nil }
        return place.id
    }

    private func isSession(_ id: ConnectionID, _ key: SessionKey) -> Bool {
        if let keyed = sessionKeys[id.slot], keyed.isClaimed, keyed.key == key { return true }
        return ClientID(key.text).map { place(of: $0) == id && isStream(id, $0) } ?? false
    }

    private func isStream(_ id: ConnectionID, _ name: ClientID) -> Bool {
        sessions[id].streamKey != 0 && sessions[id].streamKey == name.high
    }
}
