import PharosDomain
import PharosEdge
import PharosProtocol

/// Which of this shard's connections a call of the server API means.
extension ClientService {
    /// The connections that match everything that the target names.
    ///
    /// Excluded ones are left out, and so are clients whose connect is not answered yet.
    ///
    /// - Parameter includesPending: subscribers whose subscribe is not answered yet count as subscribed.
    func matching(
        _ target: APITarget, _ core: borrowing ShardCore, _ edge: borrowing Edge, includesPending: Bool = false
    ) -> [ConnectionID] {
        candidates(target, core, edge, includesPending: includesPending).filter { id in
            guard core.sessions.contains(id), core.sessions[id].isRegistered else { return false }
            return (target.user.isEmpty || core.sessions[id].session.user == target.user)
                && (target.session.isEmpty || isSession(id, target.session, core))
                && (target.channel.isEmpty || isSubscribed(id, target.channel, includesPending, core))
                && !target.exclude.contains(core.sessions[id].session.client)
        }
    }

    /// The least that holds all that are meant.
    private func candidates(
        _ target: APITarget, _ core: borrowing ShardCore, _ edge: borrowing Edge, includesPending: Bool
    ) -> [ConnectionID] {
        if !target.client.isEmpty { return core.connection(of: target.client).map { [$0] } ?? [] }
        if !target.session.isEmpty {
            return connection(ofSession: target.session, core).map { [$0] } ?? []
        }
        if !target.user.isEmpty { return core.sessions.connections(of: target.user) }
        if !target.channel.isEmpty {
            return subscribers(of: target.channel, core, edge, includesPending: includesPending)
        }
        return target.all ? core.sessions.registered : []
    }

    private func subscribers(
        of channel: ChannelName, _ core: borrowing ShardCore, _ edge: borrowing Edge, includesPending: Bool
    ) -> [ConnectionID] {
        guard let place = core.channels.index(of: channel) else { return [] }
        let live = core.subscribers(of: core.channels[place].topic, edge)
        let references = core.channels[place].subscriberCount
        // Those that wait for their stream are in no list of their own.
        return includesPending && references > live.count ? core.sessions.registered : live
    }

    private func isSubscribed(
        _ id: ConnectionID, _ channel: ChannelName, _ includesPending: Bool, _ core: borrowing ShardCore
    ) -> Bool {
        if includesPending { return core.sessions[id].session.holds(channel) }
        return core.sessions[id].session.subscription(of: channel) != nil
    }

    // MARK: Sessions by name

    /// The connection of a session, by the session's name or by its client's key.
    ///
    /// A session has the name that its connect reply contained, and maybe a key that its client chose.
    private func connection(ofSession key: SessionKey, _ core: borrowing ShardCore) -> ConnectionID? {
        if let name = ClientID(key.text), let id = core.connection(named: name), isStream(id, name, core) { return id }
        guard let place = core.node.parked.holder(of: key), place.shard == core.index else { return nil }
        return place.id
    }

    private func isSession(_ id: ConnectionID, _ key: SessionKey, _ core: borrowing ShardCore) -> Bool {
        if let keyed = sessionKeys[id.slot], keyed.isClaimed, keyed.key == key { return true }
        return ClientID(key.text).map { core.connection(named: $0) == id && isStream(id, $0, core) } ?? false
    }

    private func isStream(_ id: ConnectionID, _ name: ClientID, _ core: borrowing ShardCore) -> Bool {
        core.sessions[id].streamKey != 0 && core.sessions[id].streamKey == name.high
    }
}
