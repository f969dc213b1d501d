import PharosCluster
import PharosDomain
import PharosLinks
import PharosRedis

extension RedisEngineCore {
    /// Publishes by the script, or by a plain command where there is nothing to keep.
    func publish(_ ask: Ask, _ request: EnginePublish, at master: RedisMaster) {
        if let refusal = master.refusal {
            report("\(master.name): \(refusal)")
            return complete(ask, .failure(.engineFailing))
        }
        let token = nextToken()
        let envelope = PublicationEnvelope(publication: request.publication, except: request.except).encoded()
        let call = self.call(request, token, envelope, at: master)
        let number = token.number
        // The relay is to hear of it before it is answered; if it is not subscribed, it hears nothing.
        let entry = followed[request.channel]
        if entry?.state == .live, entry?.relays.contains(where: { $0.relay == ask.relay }) == true {
            own.sent(number, ObjectIdentifier(master))
        }
        let round = round ?? EngineRound(settings.observe)
        self.round = round
        round.add()
        send(call, to: master) { [weak self] result in
            round.end(isAnswered: (try? result.get()) != nil)
            self?.published(ask, number, hasScript: call.script != nil, result)
        }
    }

    private func published(_ ask: Ask, _ number: UInt64, hasScript: Bool, _ result: Result<RESPValue, RedisFailure>) {
        let answer: (position: StreamPosition, isRepeat: Bool)
        switch result {
        case .failure(let failure):
            own.forget(number)
            return complete(ask, .failure(replyError(failure, "a publication was refused")))
        case .success(let reply):
            if !hasScript {
                answer = (StreamPosition(), false)
            } else if let read = try? RedisEngineCore.published(reply) {
                answer = read
            } else {
                own.forget(number)
                report("a script gave a reply of another form")
                return complete(ask, .failure(.engineFailing))
            }
        }
        if answer.isRepeat { own.forget(number) }
        let outcome = (ask: ask, outcome: Outcome.success(.position(answer.position)))
        guard let ready = own.answered(number, outcome, untilMs: loop.nowMs + settings.holdMs) else { return }
        complete(ready.ask, ready.outcome)
    }

    /// The reply of the script that publishes.
    static func published(_ reply: RESPValue) throws -> (position: StreamPosition, isRepeat: Bool) {
        let parts = try reply.elements()
        guard parts.count == 3 else { throw RedisReplyError.oddCount(parts.count) }
        return (try reply.position(), try parts[2].boolean())
    }

    private func call(_ request: EnginePublish, _ token: OwnToken, _ envelope: [UInt8], at master: RedisMaster)
        -> RedisCall
    {
        let channel = request.channel
        let tag = RedisNames.tag(of: channel)
        let messages = names.messages(channel)
        let command = master.isShard ? "SPUBLISH" : "PUBLISH"
        let hasKey = !request.idempotencyKey.isEmpty
        guard request.options.hasHistory || hasKey || request.version > 0 else {
            let message = EngineMessage.bytes(.publication, token: token, envelope: envelope)
            return RedisCall(tag: tag, arguments: [.text(command), .text(messages), .bytes(message)])
        }
        let retention = StreamRetention(request.options, settings.channel)
        var call = RedisCall(script: .publish, tag: tag, arguments: [])
        call.keys = [names.meta(channel), names.stream(channel)]
        if hasKey { call.keys.append(names.answer(channel, request.idempotencyKey)) }
        let history = !request.options.hasHistory ? "n" : request.skipHistory ? "s" : "k"
        let version = request.version > 0 ? RedisEngineCore.digits(request.version) : ""
        call.arguments = [
            .text(messages), .text(command), fence(master), .text(RedisEngineCore.mark()), .text(history),
            .integer(Int64(retention.size)), .integer(max(retention.ttlMs, 1)), .integer(retention.metaTTLMs),
            .integer(settings.idempotencyWindowMs), .text(version), .text(request.versionEpoch.text),
            .text(token.text), .bytes(envelope),
        ]
        call.isPublication = true
        return call
    }

    /// Sends a member's coming or going to all who follow the channel.
    func announce(_ ask: Ask, _ change: MemberChange, _ channel: ChannelName, at master: RedisMaster) {
        let message = EngineMessage.bytes(.member, token: nil, envelope: MemberEnvelope(change).encoded())
        let call = RedisCall(
            tag: RedisNames.tag(of: channel),
            arguments: [
                .text(master.isShard ? "SPUBLISH" : "PUBLISH"), .text(names.messages(channel)), .bytes(message),
            ])
        send(call, to: master) { [weak self] _ in self?.complete(ask, .success(.done)) }
    }

    /// Publishes to the probe of a link, on the way of all publications.
    func probe(_ master: RedisMaster) {
        guard let probe = master.probe else { return }
        var call = RedisCall(script: .publish, tag: probe.tag, arguments: [])
        // These keys are only named: nothing is kept.
        call.keys = [probe.name, probe.name]
        call.arguments = [
            .text(probe.name), .text(master.isShard ? "SPUBLISH" : "PUBLISH"), "0", "", "n", 0, 1, 0, 0, "", "", "", "",
        ]
        send(call, to: master) { [weak self] result in
            guard case .failure(let failure) = result, let self else { return }
            _ = self.replyError(failure, "a probe was refused")
        }
    }

    /// Whether scripts compare the replication id.
    func fence(_ master: RedisMaster) -> RedisArgument {
        // Not seen at the time of connecting: perhaps a moment later, so the script tries.
        settings.onFailover == .trust ? "0" : "1"
    }

    private func nextToken() -> OwnToken {
        lastNumber += 1
        return OwnToken(sender: sender, number: lastNumber)
    }

    /// A number in 20 digits, whose order as text is that of numbers.
    ///
    /// Lua's own numbers hold 53 bits only.
    private static func digits(_ number: UInt64) -> String {
        let text = String(number)
        return String(repeating: "0", count: 20 - text.utf8.count) + text
    }
}

extension RESPValue {
    /// The offset and the epoch at the head of a script's reply.
    func position() throws -> StreamPosition {
        let parts = try elements()
        guard parts.count >= 2, let offset = UInt64(try parts[0].text()) else {
            throw RedisReplyError.missing("offset")
        }
        return StreamPosition(offset: offset, epoch: Epoch(try parts[1].text()))
    }
}
