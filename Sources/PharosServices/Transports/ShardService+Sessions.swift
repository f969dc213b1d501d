import PharosDomain
import PharosEdge
import PharosProtocol

/// Clients that come back: what they were is kept under a key of their own choice.
extension ShardService {
    /// The key with which a request asks that its client's state outlive the connection; nil: it does not ask.
    func sessionKey(_ head: RequestHead, _ carrier: Wire.Carrier) -> String? {
        if let key = ShardService.parameter("session", head) { return key }
        return carrier == .events ? ShardService.parameter("id", head) : nil
    }

    /// Whether a request names a key that could be guessed: it is refused, so that nobody believes in a session.
    static func hasBadSessionKey(_ head: RequestHead) -> Bool {
        guard !head.query.isEmpty, let key = parameter("session", head) else { return false }
        return !SessionKey.isValid(key)
    }

    private static func parameter(_ name: String, _ head: RequestHead) -> String? {
        guard !head.query.isEmpty, let value = (try? QueryReader.first(name, in: head.query)) ?? nil else { return nil }
        return value.isEmpty ? nil : value
    }

    /// A connection with a key has come: it continues what is there under the key.
    mutating func claimSession(_ key: String, _ id: ConnectionID, _ edge: inout Edge) {
        sessionKeys[id.slot] = key
        let isPolled = sessions[id].wire.carrier == .poll
        switch node.parked.claim(key, shard: index, id: id, isPolled: isPolled, nowMs: edge.nowMs) {
        case .unknown: break
        case .parked(let state): sessions[id].session.restore(state)
        case .live(let shard, let older, _):
            // What the older one has is known once it has ended: until then commands wait.
            sessions[id].awaitsState = true
            if shard == index { yieldSession(older, &edge) } else { node.post(.yieldSession(older), to: shard) }
        }
    }

    /// A newer connection of the same client has come.
    mutating func yieldSession(_ id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id) else { return endPolledSession(id, &edge) }
        disconnect(id, .forceDisconnect, keepsState: true, &edge)
        // Nobody will come to fetch the last words of a polled session.
        endPolledSession(id, &edge)
    }

    /// What the older connection left. Who waited for it may have gone by now: then it is for whoever comes next.
    mutating func sessionYielded(_ id: ConnectionID, _ key: String, _ state: RestoredState?, _ edge: inout Edge) {
        guard sessions.contains(id) else { return leave(key, id, state, &edge) }
        guard sessions[id].awaitsState else { return }
        sessions[id].awaitsState = false
        if let state, sessions[id].session.state == .awaitingConnect { sessions[id].session.restore(state) }
        resumeQueue(id, &edge)
    }

    /// The connection has gone: what it was is kept, or handed to the newer connection that waits for it.
    mutating func leave(_ key: String, _ id: ConnectionID, _ left: RestoredState?, _ edge: inout Edge) {
        let untilMs = edge.nowMs + Int64(node.settings.client.sessionTTL * 1_000)
        guard
            let newer = node.parked.left(key, shard: index, id: id, left, nowMs: edge.nowMs, untilMs: untilMs)
        else { return }
        if newer.shard == index {
            sessionYielded(newer.id, key, left, &edge)
        } else {
            node.post(.sessionYielded(newer.id, key: key, left), to: newer.shard)
        }
    }

    /// What a session is, before its subscriptions are undone. Where something still waits to be sent, the client has not
    /// got all that was published to it: unless it says itself where it is, it must be told that something is missing.
    func stateLeft(by id: ConnectionID, _ edge: borrowing Edge) -> RestoredState {
        if let polled = polledSessions[id.slot], polled.generation == id.generation {
            return RestoredState(sessions[id].session) { polled.told[$0] ?? StreamPosition(offset: 0, epoch: "_") }
        }
        let isBehind = edge.hasUnsentOutput(id)
        return RestoredState(sessions[id].session) { channel in
            let binding = sessions[id].session.subscription(of: channel)?.binding ?? ShardService.unattached
            if isBehind || binding < ShardService.attaching && edge.isBehind(binding) {
                return StreamPosition(offset: 0, epoch: "_")
            }
            return channels.index(of: channel).flatMap { channels[$0].position }
        }
    }
}
