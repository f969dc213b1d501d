import PharosBytes

extension RedisSession {
    /// Reads bytes that have arrived.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer) {
        var input = bytes
        while !isClosed {
            do throws(RESPError) {
                guard let value = try parser.next(&input) else { return }
                handle(value.withoutAttributes)
            } catch {
                end(.malformed(error))
            }
        }
    }

    package mutating func receive(_ bytes: [UInt8]) { bytes.withUnsafeBytes { receive($0) } }

    /// Does what the handshake wants next.
    mutating func carryOut(_ outcome: RedisHandshake.Outcome) {
        switch outcome {
        case .send(let command): output.append(command)
        case .refused(let error): end(.refused(error))
        case .unexpected: end(.unexpectedReply)
        case .ready(let server):
            state = .ready(server)
            events.append(.ready(server))
            for (index, command) in held.enumerated() {
                output.append(command)
                let endOffset = output.endOffset
                waiting.update(index) { $0.endOffset = endOffset }
            }
            held = []
        }
    }

    private mutating func handle(_ value: RESPValue) {
        switch (state, value) {
        case (.handshake, .push(let elements)): events.append(.push(elements))
        case (.handshake(var handshake, let deadlineMs), _):
            // Before all of a command was sent, nothing can answer it but a refusal of the connection.
            guard output.count == 0 || value.serverError != nil else { return end(.unexpectedReply) }
            let outcome = handshake.receive(value)
            state = .handshake(handshake, deadlineMs: deadlineMs)
            carryOut(outcome)
        case (.ready, .push(let elements)):
            guard let notice = RedisNotice(elements) else { return events.append(.push(elements)) }
            handle(notice)
        case (.ready(let server), .array(let elements)) where server.protocolVersion == 2 && mayNotify:
            guard let notice = RedisNotice(elements) else { return matchReply(value) }
            handle(notice)
        case (.ready, _): matchReply(value)
        case (.idle, _): end(value.serverError.map { .refused($0) } ?? .unexpectedReply)
        case (.closed, _): break
        }
    }

    /// Whether an array of RESP2 may be a message or a confirmation.
    ///
    /// A connection with subscriptions has no other arrays but that of PING. Before the first confirmation there may
    /// be commands whose replies come earlier; those are in front of the order.
    private var mayNotify: Bool {
        if subscriptionCount + shardSubscriptionCount > 0 { return true }
        guard case .confirmations? = waiting.first?.expectation else { return false }
        return true
    }

    private mutating func handle(_ notice: RedisNotice) {
        guard case .change(let kind, let isSubscribed, let channel, let count) = notice else {
            if case .message(let event) = notice { events.append(event) }
            return
        }
        if kind == .shard { shardSubscriptionCount = count } else { subscriptionCount = count }
        let next = nextConfirmation { order, next in
            order.kind == kind && order.isSubscribe == isSubscribed && order.channels[next] == channel
        }
        events.append(
            .subscription(
                RedisSubscriptionChange(
                    kind: kind, channel: channel, isSubscribed: isSubscribed, isRequested: next != nil, count: count)))
        guard let (order, index) = next else { return }
        if index + 1 < order.channels.count {
            waiting.update(0) { $0.expectation = .confirmations(order, next: index + 1) }
        } else if let entry = waiting.popFirst() {
            events.append(.confirmed(entry.ticket))
        }
    }

    /// The order in front and the index of the channel to be confirmed.
    ///
    /// Returns nil unless they match.
    private func nextConfirmation(
        _ matches: (RedisSubscriptionOrder, Int) -> Bool
    ) -> (RedisSubscriptionOrder, Int)? {
        guard let first = waiting.first, isSent(first), case .confirmations(let order, let next) = first.expectation,
            matches(order, next)
        else { return nil }
        return (order, next)
    }

    private mutating func matchReply(_ value: RESPValue) {
        let error = value.serverError
        guard let first = waiting.first, isSent(first) else {
            return end(error.map { .refused($0) } ?? .unexpectedReply)
        }
        if let error {
            events.append(.failed(first.ticket, .server(error)))
        } else if case .reply = first.expectation {
            events.append(.reply(first.ticket, value))
        } else {
            return end(.unexpectedReply)
        }
        _ = waiting.popFirst()
    }
}
