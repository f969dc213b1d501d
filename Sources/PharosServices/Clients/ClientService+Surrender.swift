import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Clients that come back to another node than the one that has their state.
extension ClientService {
    /// Milliseconds in which other nodes must have answered.
    ///
    /// A client whose state is on a node that does not answer goes on by its own positions.
    private static var surrenderTimeMs: Int64 { 3_000 }

    // MARK: The node that the client has come to

    /// Asks the other nodes for the state under a key; false: there are none.
    mutating func asksOthers(
        _ keyed: KeyedSession, user: UserID?, expireAt: Int64, _ id: ConnectionID, _ core: inout ShardCore,
        _ edge: inout Edge
    ) -> Bool {
        guard core.node.cluster != nil, !keyed.hasAskedOthers,
            !core.node.parked.isKnown(keyed.key, nowMs: edge.nowMs), core.node.messages.nodes.count > 1
        else { return false }
        sessionKeys[id.slot]?.hasAskedOthers = true
        sessionKeys[id.slot]?.claim = KeyedSession.Claim(user: user, expireAt: expireAt)
        core.sessions[id].awaitsState = true
        let (mailbox, key) = (core.node.mailboxes[core.index], keyed.key)
        let asker = NodeAsker.closure { answers in
            var found = SurrenderedSession.nothing
            if case .session(let session)? = answers.answer { found = session }
            mailbox.post(.sessionSurrendered(id, key: key, found))
        }
        let deadlineMs = edge.nowMs + ClientService.surrenderTimeMs
        core.node.messages.ask(
            .surrenderSession(SessionSurrender(key: key, user: user)), of: .others, deadlineMs: deadlineMs, for: asker
        ) { core.post($0, to: $1) }
        return true
    }

    /// The other nodes have answered.
    mutating func sessionSurrendered(
        _ id: ConnectionID, _ key: SessionKey, _ found: SurrenderedSession, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        // It is this node's now, whether the client is still there or not.
        if case .state(let state) = found {
            let untilMs = edge.nowMs + Int64(core.node.settings.client.sessionTTL * 1_000)
            core.node.parked.adopt(key, state, nowMs: edge.nowMs, untilMs: untilMs)
        }
        guard core.sessions.contains(id), core.sessions[id].awaitsState, let keyed = sessionKeys[id.slot],
            keyed.key == key, !keyed.isClaimed, let claim = keyed.claim
        else { return }
        core.sessions[id].awaitsState = false
        if case .refused(let error) = found {
            perform(core.sessions[id].session.sessionClaimed(.refused(error), core.context(edge)), of: id, &core, &edge)
        } else {
            claimSession(user: claim.user, expireAt: claim.expireAt, id, &core, &edge)
        }
        guard core.sessions.contains(id), !core.sessions[id].awaitsState else { return }
        resumeQueue(id, &edge)
        updateTimer(id, &core, &edge)
    }

    // MARK: The node that has the state

    /// Gives up the state under a key.
    ///
    /// At once, or when the connection that has it has ended.
    mutating func surrender(
        _ request: SessionSurrender, _ gathering: ShardGathering, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard core.node.parked.isKnown(request.key, nowMs: edge.nowMs) else {
            return answer(.nothing, gathering, &core)
        }
        surrenders.last &+= 1
        // No connection of the edge has this slot.
        let id = ConnectionID(slot: .max, generation: surrenders.last)
        let place = ParkedSessions.Place(shard: core.index, id: id)
        let claimant = ParkedSessions.Claimant(place: place, user: request.user, expireAt: 0)
        switch core.node.parked.claim(request.key, claimant, core.now(edge)) {
        case .unknown: answer(.nothing, gathering, &core)
        case .refused(let error): answer(.refused(error), gathering, &core)
        case .granted(let left, let ending):
            if let ending { core.post(.yieldSession(ending.id), to: ending.shard) }
            forgetSurrender(request.key, place, &core, edge)
            answer(left.map { .state($0) } ?? .nothing, gathering, &core)
        case .awaits(let older, let ending):
            if let ending { core.post(.yieldSession(ending.id), to: ending.shard) }
            surrenders.waiting[id] = gathering
            core.post(.yieldSession(older.id), to: older.shard)
        }
    }

    /// The connection that had the key has ended; false: no other node waits for it.
    mutating func surrenderYielded(
        _ id: ConnectionID, _ key: SessionKey, _ core: inout ShardCore, _ edge: inout Edge
    ) -> Bool {
        guard let gathering = surrenders.waiting[id] else { return false }
        let place = ParkedSessions.Place(shard: core.index, id: id)
        guard let taken = core.node.parked.take(key, place) else { return true }
        surrenders.waiting[id] = nil
        forgetSurrender(key, place, &core, edge)
        answer(taken.left.map { .state($0) } ?? .nothing, gathering, &core)
        return true
    }

    /// Nothing is kept here any more.
    ///
    /// A connection of this node that has come meanwhile may go on.
    private mutating func forgetSurrender(
        _ key: SessionKey, _ place: ParkedSessions.Place, _ core: inout ShardCore, _ edge: borrowing Edge
    ) {
        let newer = core.node.parked.leave(key, place, nil, nowMs: edge.nowMs, untilMs: edge.nowMs)
        if let newer { core.post(.sessionYielded(newer.id, key: key), to: newer.shard) }
    }

    private func answer(_ session: SurrenderedSession, _ gathering: ShardGathering, _ core: inout ShardCore) {
        gathering.add(.session(session)) { core.post($0, to: $1) }
    }
}

/// Keys that other nodes have asked for, while the connections that have them end.
struct Surrenders {
    var waiting: [ConnectionID: ShardGathering] = [:]
    var last: UInt32 = 0
}
