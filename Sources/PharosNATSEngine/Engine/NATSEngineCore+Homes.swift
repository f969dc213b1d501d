import PharosBytes
import PharosCluster
import PharosDomain
import PharosNATS

/// Publications that are written by another node than their publisher's.
///
/// Every node writes for its own publishers until two of them are in each other's way. Then the one that lost hands
/// what waits to the channel's home, by core request. An order whose answer is missing is written here if it has a
/// key, which tells whether it was stored; without one its outcome stays unknown.
extension NATSEngineCore {
    private func subject(of node: UInt64) -> String { "\(settings.prefix).w.\(String(node, radix: 16))" }

    func nodesChanged(_ nodes: [UInt64], here: UInt64) {
        if here != homes.here {
            if let forwardSubscription { connection.unsubscribe(forwardSubscription) }
            forwardSubscription = try? connection.subscribe(to: subject(of: here))
        }
        homes.change(nodes, here: here)
    }

    // MARK: To the home

    /// Hands an order to the home of its channel; false: it is to be written here.
    func forward(_ order: ChannelOrder, _ key: WriterKey) -> Bool {
        guard order.relay >= 0, case .append(let append, let except) = order.work,
            homes.isShared(key.channel, nowMs: nowMs), let home = homes.elsewhere(key.channel)
        else { return false }
        let message = ForwardedOrder(append: append, except: except, isInMemory: key.stream.retention.isInMemory)
        homes.sent(key.channel)
        connection.request(
            message.encoded, to: subject(of: home), timeoutMs: max(order.deadlineMs - nowMs, 1)
        ) { [unowned self] answer in
            homes.answered(key.channel)
            forwarded(order, key, answer)
        }
        return true
    }

    private func forwarded(_ order: ChannelOrder, _ key: WriterKey, _ answer: NATSConnection.Answer) {
        switch answer {
        case .messages(let messages):
            guard let answer = messages.last.flatMap({ ForwardedAnswer($0.payload) }) else { break }
            reportForwarded(order, answer, key)
            return complete(order, answer.result.map { .position($0) })
        case .noResponders, .refused: return add(order, key)
        case .unknown: break
        }
        guard let append = order.append, !append.idempotencyKey.isEmpty, order.deadlineMs > nowMs else {
            return complete(order, .failure(.internalError))
        }
        add(order, key)
    }

    /// Reports what no live message has brought before its answer.
    private func reportForwarded(_ order: ChannelOrder, _ answer: ForwardedAnswer, _ key: WriterKey) {
        guard case .append(let append, let except) = order.work, case .success(let position) = answer.result,
            let follow = follows[key.channel], follow.lastSequence < answer.sequence
        else { return }
        var envelope = PublicationEnvelope(publication: append.publication, except: except)
        envelope.publication.offset = position.offset
        report(envelope, epoch: position.epoch, of: key.channel)
    }

    /// Two nodes were in each other's way: all that waits here goes to the home.
    func surrender(_ key: WriterKey, after commit: String) -> Bool {
        homes.collided(key.channel, nowMs: nowMs)
        guard homes.elsewhere(key.channel) != nil, let orders = writers[key]?.surrender(after: commit) else {
            return false
        }
        for order in orders where !forward(order, key) { add(order, key) }
        return true
    }

    // MARK: For others

    func receivedForwarded(_ message: NATSMessage) {
        guard let reply = message.reply else { return }
        guard let forwarded = ForwardedOrder(message.payload) else {
            return answerForwarded(reply, ForwardedAnswer(.failure(.internalError)))
        }
        let retention = RetentionClass(forwarded.append.retention, isInMemory: forwarded.isInMemory)
        let id = StreamID(of: forwarded.append.channel, retention, streams: settings.streams)
        let ticket = replies.add(reply)
        let envelope = PublicationEnvelope(publication: forwarded.append.publication, except: forwarded.except)
        let order = ChannelOrder(
            work: .append(forwarded.append, except: forwarded.except), payload: envelope.encoded(),
            relay: NATSEngineCore.forwardedRelay,
            ticket: ticket, deadlineMs: nowMs + settings.requestTimeoutMs)
        add(order, WriterKey(channel: forwarded.append.channel, stream: id))
    }

    /// The end of an order of another node.
    func completeForwarded(_ ticket: UInt64, _ result: Result<EngineOutcome, ReplyError>, sequence: UInt64) {
        guard let reply = replies.take(ticket) else { return }
        answerForwarded(
            reply,
            ForwardedAnswer(
                result.map { outcome in
                    guard case .position(let position) = outcome else { return StreamPosition() }
                    return position
                }, sequence: sequence))
    }

    private func answerForwarded(_ reply: String, _ answer: ForwardedAnswer) {
        // Without it the other node goes by its own deadline.
        try? connection.publish(answer.encoded, to: reply)
    }
}
