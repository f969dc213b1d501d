import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// Does what a session decided.
extension ClientService {
    mutating func perform(
        _ action: SessionAction, of id: ConnectionID, isRetry: Bool = false, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        switch action {
        case .none: break
        // Commands are asked about before they are carried out: one that must wait after all must not get lost.
        case .wait: disconnect(id, .serverError, &core, &edge)
        case .reply(let reply): core.send(reply, to: id, &edge)
        case .disconnect(let reason): disconnect(id, reason, &core, &edge)
        case .verifyConnection(let token):
            let outcome = core.node.verifier.verifyConnection(token: token, nowMs: edge.wallMs)
            if wait(outcome == .needsKeys, action, of: id, isRetry, core) { return }
            core.note(outcome, .connection, of: id, edge)
            let next = core.sessions[id].session.connectionVerified(outcome, core.context(edge))
            core.note(next, after: outcome, .connection, of: id, edge)
            perform(next, of: id, &core, &edge)
        case .verifySubscription(let generation, let token):
            let outcome = core.node.verifier.verifySubscription(token: token, nowMs: edge.wallMs)
            if wait(outcome == .needsKeys, action, of: id, isRetry, core) { return }
            core.note(outcome, .subscription, of: id, edge)
            let next = core.sessions[id].session.subscriptionVerified(
                generation: generation, outcome, core.context(edge))
            core.note(next, after: outcome, .subscription, of: id, edge)
            perform(next, of: id, &core, &edge)
        case .verifyRefresh(let command, let token):
            let outcome = core.node.verifier.verifyConnection(token: token, nowMs: edge.wallMs)
            if wait(outcome == .needsKeys, action, of: id, isRetry, core) { return }
            core.note(outcome, .refresh, of: id, edge)
            let next = core.sessions[id].session.refreshVerified(command, outcome, core.context(edge))
            core.note(next, after: outcome, .refresh, of: id, edge)
            perform(next, of: id, &core, &edge)
        case .verifySubRefresh(let command, let channel, let generation, let token):
            let outcome = core.node.verifier.verifySubscription(token: token, nowMs: edge.wallMs)
            if wait(outcome == .needsKeys, action, of: id, isRetry, core) { return }
            core.note(outcome, .subRefresh, of: id, edge)
            let next = core.sessions[id].session.subRefreshVerified(
                command, channel: channel, generation: generation, outcome, core.context(edge))
            core.note(next, after: outcome, .subRefresh, of: id, edge)
            perform(next, of: id, &core, &edge)
        case .claimSession(let user, let expireAt): claimSession(user: user, expireAt: expireAt, id, &core, &edge)
        case .connected: connected(id, &core, &edge)
        case .subscribe(let order): subscribe(order, of: id, &core, &edge)
        case .unsubscribe(let subscription, let reply):
            undo(subscription, of: id, &core, &edge)
            core.send(reply, to: id, &edge)
        case .publish(let command, let channel, let data, let options):
            var granted = HookPublish()
            granted.data = data
            // What came in a message of JSON is JSON.
            let isJSON = core.dialects.traits(core.sessions[id].wire.dialect).payloadsAreJSON
            publish(command, channel, granted, options, isJSON: isJSON, of: id, &core, &edge)
        case .publishGranted(let command, let channel, let granted, let options):
            publish(command, channel, granted, options, isJSON: false, of: id, &core, &edge)
        case .replies(let replies): for reply in replies { core.send(reply, to: id, &edge) }
        case .ask(let ticket): ask(ticket, of: id, &core, &edge)
        case .expireSubscription(let subscription): expire(subscription, of: id, &core, &edge)
        case .readPresence(let command, let channel):
            core.ask(.presence(channel: channel), channel, for: .client(id, command: command))
        case .readPresenceStats(let command, let channel):
            core.ask(.presenceStats(channel: channel), channel, for: .client(id, command: command))
        case .readHistory(let command, let request, let options):
            let order = HistoryOrder(
                channel: request.channel, options: options, limit: request.limit, since: request.since,
                reverse: request.reverse)
            core.ask(.history(order), request.channel, for: .client(id, command: command))
        }
    }

    /// Starts to fetch the keys if they are missing; true if the action has to wait.
    ///
    /// This happens once for each action; after that the token is checked again.
    private func wait(
        _ needsKeys: Bool, _ action: SessionAction, of id: ConnectionID, _ isRetry: Bool, _ core: borrowing ShardCore
    ) -> Bool {
        guard needsKeys, !isRetry else { return false }
        let (node, index) = (core.node, core.index)
        Task {
            await node.verifier.loadKeys()
            node.post(.keysLoaded(id, action), to: index)
        }
        return true
    }

    mutating func keysLoaded(_ id: ConnectionID, _ action: SessionAction, _ core: inout ShardCore, _ edge: inout Edge) {
        guard core.sessions.contains(id) else { return }
        perform(action, of: id, isRetry: true, &core, &edge)
        resumeQueue(id, &edge)
        updateTimer(id, &core, &edge)
    }

    private mutating func connected(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        let user = core.sessions[id].session.user
        if !user.isEmpty, !makeRoom(for: user, id, &core, &edge) { return }
        while core.sessions.contains(id), let order = core.sessions[id].session.nextOrder() {
            subscribe(order, of: id, &core, &edge)
        }
        // Its last channel, where it has any, brings the reply.
        guard core.sessions.contains(id), let reply = core.sessions[id].session.connectReply(core.context(edge))
        else { return }
        connectAnswered(id, reply, &core, &edge)
    }

    mutating func connectAnswered(_ id: ConnectionID, _ reply: Reply, _ core: inout ShardCore, _ edge: inout Edge) {
        let user = core.sessions[id].session.user
        // While the channels of this connect were read, a newer one of the same user may have come.
        if core.sessions[id].userSequence > 0, !core.node.isNewestConnection(of: user, core.sessions[id].userSequence) {
            return disconnect(id, .connectionLimit, &core, &edge)
        }
        core.sessions.register(id)
        if !returning.isEmpty { returning.remove(id) }
        core.sessions[id].connectedAt = UInt32(clamping: edge.wallMs / 1_000)
        core.tellConnected(id, edge)
        for subscription in core.sessions[id].session.subscriptions {
            core.tellSubscribed(id, subscription.channel, edge)
        }
        var reply = reply
        if case .connect(var result) = reply.result, core.sessions[id].streamKey != 0 {
            result.session = core.streamName(id)
            result.node = NodeName(core.node.uid)
            reply.result = .connect(result)
        }
        core.send(reply, to: id, &edge)
        resumeQueue(id, &edge)
    }

    /// Ends the user's connections that came before the one with this number.
    mutating func disconnectOlder(_ user: UserID, than sequence: UInt64, _ core: inout ShardCore, _ edge: inout Edge) {
        for id in core.sessions.connections(of: user)
        where core.sessions.contains(id) && core.sessions[id].userSequence < sequence {
            disconnect(id, .connectionLimit, &core, &edge)
        }
    }

    /// Applies the limits on connections per user; false: this one was closed.
    private mutating func makeRoom(for user: UserID, _ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge)
        -> Bool
    {
        let settings = core.node.settings.client
        if settings.singleConnection {
            // The newest connection stays, on whichever shard the older ones are. The number decides between two that
            // come at the same moment: without it each would end the other.
            let sequence = core.node.newestConnection(of: user)
            core.sessions[id].userSequence = sequence
            core.node.messages.send(.disconnectOlder(user: user, sequence: sequence), to: nil) {
                core.post($0, to: $1)
            }
        }
        if settings.userConnectionLimit > 0 {
            guard core.node.admit(user: user) else {
                // There were too many others: what the client left may be its own at a later attempt.
                disconnect(id, .connectionLimit, keepsState: true, &core, &edge)
                return false
            }
            core.sessions[id].holdsUserPlace = true
        }
        return true
    }

    /// - Parameter isJSON: false: it is to be found out.
    private mutating func publish(
        _ command: UInt32, _ channel: ChannelName, _ granted: HookPublish, _ options: ChannelOptions, isJSON: Bool,
        of id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let data = granted.data ?? []
        let info = core.sessions[id].session.clientInfo(
            channelInfo: core.sessions[id].session.channelInfo(of: channel))
        var publication = Publication(data: data, info: info)
        publication.tags = granted.tags
        publication.isJSON = isJSON || data.withUnsafeBytes { JSONScanner.isValid($0) }
        publication.allowsDelta = options.deltaPublish || granted.delta
        do throws(ReplyError) { try core.check(publication, channel, options) } catch {
            return core.send(Reply(id: command, result: .error(error)), to: id, &edge)
        }
        let publish = EnginePublish(
            channel: channel, publication: publication, options: options, skipHistory: granted.skipHistory,
            idempotencyKey: granted.idempotencyKey, version: granted.version, versionEpoch: granted.versionEpoch)
        core.ask(.publish(publish), channel, for: .client(id, command: command))
    }

    /// The relay has answered a client's question.
    mutating func answered(
        _ id: ConnectionID, _ command: UInt32, _ answer: Result<ChannelAnswer, ReplyError>, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        let result: Reply.Result =
            switch answer {
            case .failure(let error): .error(error)
            case .success(.position): .publish
            case .success(.members(let members)): .presence(members)
            case .success(.stats(let clients, let users)): .presenceStats(clients: clients, users: users)
            case .success(.read(let read)): .history(publications: read.publications, top: read.top)
            case .success(.done): preconditionFailure("clients ask for nothing that is only done")
            }
        core.send(Reply(id: command, result: result), to: id, &edge)
    }
}
