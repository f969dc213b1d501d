import PharosDomain
import PharosEdge
import PharosProtocol

/// Does what a session decided.
extension ShardService {
    mutating func perform(_ action: SessionAction, of id: ConnectionID, isRetry: Bool = false, _ edge: inout Edge) {
        switch action {
        case .none: break
        // Commands are asked about before they are carried out: should one have to wait after all, it must not get lost.
        case .wait: disconnect(id, .serverError, &edge)
        case .reply(let reply): send(reply, to: id, &edge)
        case .disconnect(let reason): disconnect(id, reason, &edge)
        case .verifyConnection(let token):
            let outcome = node.verifier.verifyConnection(token: token, nowMs: edge.wallMs)
            if wait(outcome == .needsKeys, action, of: id, isRetry) { return }
            note(outcome, .connection, of: id, edge)
            let next = sessions[id].session.connectionVerified(outcome, context(edge))
            note(next, after: outcome, .connection, of: id, edge)
            perform(next, of: id, &edge)
        case .verifySubscription(let generation, let token):
            let outcome = node.verifier.verifySubscription(token: token, nowMs: edge.wallMs)
            if wait(outcome == .needsKeys, action, of: id, isRetry) { return }
            note(outcome, .subscription, of: id, edge)
            let next = sessions[id].session.subscriptionVerified(generation: generation, outcome, context(edge))
            note(next, after: outcome, .subscription, of: id, edge)
            perform(next, of: id, &edge)
        case .verifyRefresh(let command, let token):
            let outcome = node.verifier.verifyConnection(token: token, nowMs: edge.wallMs)
            if wait(outcome == .needsKeys, action, of: id, isRetry) { return }
            note(outcome, .refresh, of: id, edge)
            let next = sessions[id].session.refreshVerified(command, outcome, context(edge))
            note(next, after: outcome, .refresh, of: id, edge)
            perform(next, of: id, &edge)
        case .verifySubRefresh(let command, let channel, let generation, let token):
            let outcome = node.verifier.verifySubscription(token: token, nowMs: edge.wallMs)
            if wait(outcome == .needsKeys, action, of: id, isRetry) { return }
            note(outcome, .subRefresh, of: id, edge)
            let next = sessions[id].session.subRefreshVerified(
                command, channel: channel, generation: generation, outcome, context(edge))
            note(next, after: outcome, .subRefresh, of: id, edge)
            perform(next, of: id, &edge)
        case .claimSession(let user, let expireAt): claimSession(user: user, expireAt: expireAt, id, &edge)
        case .connected: connected(id, &edge)
        case .subscribe(let order): subscribe(order, of: id, &edge)
        case .unsubscribe(let subscription, let reply):
            undo(subscription, of: id, &edge)
            send(reply, to: id, &edge)
        case .publish(let command, let channel, let data, let options):
            var granted = HookPublish()
            granted.data = data
            // What came in a message of JSON is JSON.
            let isJSON = sessions[id].wire.format == .json
            publish(command, channel, granted, options, isJSON: isJSON, of: id, &edge)
        case .publishGranted(let command, let channel, let granted, let options):
            publish(command, channel, granted, options, isJSON: false, of: id, &edge)
        case .replies(let replies): for reply in replies { send(reply, to: id, &edge) }
        case .ask(let ticket): ask(ticket, of: id, &edge)
        case .expireSubscription(let subscription): expire(subscription, of: id, &edge)
        case .readPresence(let command, let channel):
            call(.presence(channel: channel), channel, origin: .client(id, command: command), &edge)
        case .readPresenceStats(let command, let channel):
            call(.presenceStats(channel: channel), channel, origin: .client(id, command: command), &edge)
        case .readHistory(let command, let request, let options):
            let order = HistoryOrder(
                channel: request.channel, options: options, limit: request.limit, since: request.since,
                reverse: request.reverse)
            call(.history(order), request.channel, origin: .client(id, command: command), &edge)
        }
    }

    /// Fetches keys first if that is what is missing, once; afterwards the token is looked at again.
    private func wait(_ needsKeys: Bool, _ action: SessionAction, of id: ConnectionID, _ isRetry: Bool) -> Bool {
        guard needsKeys, !isRetry else { return false }
        let (node, index) = (node, index)
        Task {
            await node.verifier.loadKeys()
            node.post(.keysLoaded(id, action), to: index)
        }
        return true
    }

    mutating func keysLoaded(_ id: ConnectionID, _ action: SessionAction, _ edge: inout Edge) {
        guard sessions.contains(id) else { return }
        perform(action, of: id, isRetry: true, &edge)
        resumeQueue(id, &edge)
        updateTimer(id, &edge)
    }

    private mutating func connected(_ id: ConnectionID, _ edge: inout Edge) {
        let user = sessions[id].session.user
        if !user.isEmpty, !makeRoom(for: user, id, &edge) { return }
        while sessions.contains(id), let order = sessions[id].session.nextOrder() { subscribe(order, of: id, &edge) }
        // Its last channel, where it has any, has brought the reply.
        guard sessions.contains(id), let reply = sessions[id].session.connectReply(context(edge)) else { return }
        connectAnswered(id, reply, &edge)
    }

    mutating func connectAnswered(_ id: ConnectionID, _ reply: Reply, _ edge: inout Edge) {
        let user = sessions[id].session.user
        // While the channels of this connect were read, a newer one of the same user may have come.
        if sessions[id].userSequence > 0, !node.isNewestConnection(of: user, sessions[id].userSequence) {
            return disconnect(id, .connectionLimit, &edge)
        }
        sessions.register(id)
        if !returning.isEmpty { returning.remove(id) }
        sessions[id].connectedAt = UInt32(clamping: edge.wallMs / 1_000)
        tellConnected(id, edge)
        for subscription in sessions[id].session.subscriptions {
            tellSubscribed(id, subscription.channel, edge)
        }
        var reply = reply
        if case .connect(var result) = reply.result, sessions[id].streamKey != 0 {
            result.session = streamName(id)
            result.node = NodeName(node.uid)
            reply.result = .connect(result)
        }
        send(reply, to: id, &edge)
        resumeQueue(id, &edge)
    }

    /// Ends the user's connections that came before the one with this number.
    mutating func disconnectOlder(_ user: UserID, than sequence: UInt64, _ edge: inout Edge) {
        for id in sessions.connections(of: user) where sessions.contains(id) && sessions[id].userSequence < sequence {
            disconnect(id, .connectionLimit, &edge)
        }
    }

    /// Applies the limits on connections per user; false: this one was closed.
    private mutating func makeRoom(for user: UserID, _ id: ConnectionID, _ edge: inout Edge) -> Bool {
        let settings = node.settings.client
        if settings.singleConnection {
            // The newest connection stays, on whichever shard the older ones are. The number decides between two that come
            // at the same moment: without it each would end the other.
            let sequence = node.newestConnection(of: user)
            sessions[id].userSequence = sequence
            for shard in node.mailboxes.indices {
                if shard == index {
                    disconnectOlder(user, than: sequence, &edge)
                } else {
                    node.post(.disconnectOlder(user: user, sequence: sequence), to: shard)
                }
            }
        }
        if settings.userConnectionLimit > 0 {
            guard node.admit(user: user) else {
                // There were too many others: what the client left may be its own at a later attempt.
                disconnect(id, .connectionLimit, keepsState: true, &edge)
                return false
            }
            sessions[id].holdsUserPlace = true
        }
        return true
    }

    /// - Parameter isJSON: false: it is to be found out.
    private mutating func publish(
        _ command: UInt32, _ channel: ChannelName, _ granted: HookPublish, _ options: ChannelOptions, isJSON: Bool,
        of id: ConnectionID, _ edge: inout Edge
    ) {
        let data = granted.data ?? []
        let info = sessions[id].session.clientInfo(
            channelInfo: sessions[id].session.channelInfo(of: channel))
        var publication = Publication(data: data, info: info)
        publication.tags = granted.tags
        publication.isJSON = isJSON || data.withUnsafeBytes { JSONScanner.isValid($0) }
        publication.allowsDelta = options.deltaPublish || granted.delta
        do throws(ReplyError) { try check(publication, channel, options) } catch {
            return send(Reply(id: command, result: .error(error)), to: id, &edge)
        }
        let order = PublishOrder(
            channel: channel, publication: publication, options: options, skipHistory: granted.skipHistory,
            idempotencyKey: granted.idempotencyKey, version: granted.version, versionEpoch: granted.versionEpoch)
        call(.publish(order), channel, origin: .client(id, command: command), &edge)
    }

    /// Whether every subscriber can be given the publication, and its data is of the form that the namespace demands.
    ///
    /// Whatever is published comes through here: by clients, by the server API and by the program around the server.
    func check(
        _ publication: Publication, _ channel: ChannelName, _ options: ChannelOptions
    ) throws(ReplyError) {
        guard PublicationSize.fits(publication, in: channel, limit: node.settings.client.queueMaxSize) else {
            throw .publicationTooLarge
        }
        guard accepts(publication, options) else { throw .badRequest }
    }

    private func accepts(_ publication: Publication, _ options: ChannelOptions) -> Bool {
        var format = options.publicationDataFormat
        if format == .any { format = node.settings.channel.publicationDataFormat }
        switch format {
        case .any, .binary: return true
        case .json: return publication.isJSON
        case .jsonObject:
            let first = publication.data.first { $0 != 0x20 && $0 != 0x0a && $0 != 0x0d && $0 != 0x09 }
            return publication.isJSON && first == UInt8(ascii: "{")
        }
    }
}
