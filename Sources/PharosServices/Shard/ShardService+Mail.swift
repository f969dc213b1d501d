import PharosBytes
import PharosChannels
import PharosDomain
import PharosEdge
import PharosMemory
import PharosProtocol

/// Messages to this shard, each for one of its services.
extension ShardService {
    mutating func receive(_ mail: ShardMail, _ edge: inout Edge) {
        switch mail {
        case .relay(let request, let shard): relay.receive(request, from: shard, at: core.now(edge))
        case .relayed(let message): receive(message, &edge)
        case .releaseHeld: core.releaseHeld()
        case .relayIsDue: relay.collect(at: core.now(edge))
        case .control(let command, let gathering):
            switch command {
            case .surrenderSession(let request): clients.surrender(request, gathering, &core, &edge)
            case .pollSession(let poll): sessionPolls.pollForeign(poll, gathering, &core)
            default:
                let answer = control(command, &edge)
                gathering.add(answer) { core.post($0, to: $1) }
            }
        case .gathered(let ticket, let answers): api.gathered(ticket, answers, &core, &edge)
        case .nodesChanged(let change): relay.nodesChanged(gone: change.gone, came: change.came)
        case .disconnectOlder(let user, let sequence):
            clients.disconnectOlder(user, than: sequence, &core, &edge)
        case .keysLoaded(let id, let action): clients.keysLoaded(id, action, &core, &edge)
        case .hookAnswered(let id, let number, let outcome):
            if core.sessions.contains(id) {
                clients.hookAnswered(id, number, outcome, &core, &edge)
            } else {
                polls.hookAnswered(id, number, outcome, &core, &edge)
            }
        case .handshakeAnswered(let id, let outcome): handshakes.answered(id, outcome, &edge)
        case .disconnect(let id, let reason): clients.disconnect(id, reason, &core, &edge)
        case .yieldSession(let id): clients.yieldSession(id, &core, &edge)
        case .sessionYielded(let id, let key): clients.sessionYielded(id, key, &core, &edge)
        case .sessionSurrendered(let id, let key, let found):
            clients.sessionSurrendered(id, key, found, &core, &edge)
        case .emulated(let session, let data): StreamTransport.emulated(session, data, &clients, &core, &edge)
        case .openClient(let opening, let pipe): messages.open(opening, pipe, &clients, &core, &edge)
        case .messageReceived(let number, let message):
            messages.received(number, message, &clients, &core, &edge)
        case .outboxReady(let number): messages.ready(number, &edge)
        case .messageClientGone(let number): messages.gone(number, &clients, &core, &edge)
        case .messageClientEnded(let id, let reason, let dropsOutput):
            messages.ended(id, reason, dropsOutput: dropsOutput, &edge)
        case .conversationOver(let id): clients.close(id, &core, &edge)
        case .refuseStream(let id, let status, let message, let fields):
            guard core.sessions.contains(id) else { return }
            clients.close(id, &core, &edge)
            core.answer(id, status, error: message, fields: fields, &edge)
        case .cancelPoll(let id): polls.cancelPoll(id, &core, &edge)
        case .pollKeysLoaded(let id): polls.keysLoaded(id, &core, &edge)
        case .pollSession(let order): sessionPolls.polled(order, &clients, &core, &edge)
        case .sessionPolled(let id, let answer): sessionPolls.answered(id, answer, &core, &edge)
        case .sessionPollerGone(let session, let poller, let shard):
            sessionPolls.forgetPoller(of: session, poller, shard: shard, &clients, &core, &edge)
        case .polledSessionEnded(let id, let dropsOutput):
            sessionPolls.ended(id, dropsOutput: dropsOutput, &clients, &core, &edge)
        case .rawAnswered(let id, let number, let answer): raw.answered(id, number, answer, &core, &edge)
        case .rawOrder(let order, let shard, let ticket):
            core.post(.rawDone(ticket: ticket, raw.carryOut(order, &core, &edge)), to: shard)
        case .rawDone(let ticket, let answer): raw.rawDone(ticket, answer, &core, &edge)
        case .rawCall(let call): raw.serveCall(call, &core, &edge)
        case .backendCall(let call): api.call(call, &core, &edge)
        case .directCall(let call): api.execute(call.request, origin: .direct(call), &core, &edge)
        case .continueCalls(let ticket): api.continueCalls(ticket, &core, &edge)
        case .responded(let id, let answer): ResponderTransport.responded(id, answer, &edge)
        case .counters(let call): core.answer(call, nodeCounters(edge))
        case .joinInProcess(let join): inProcess.join(join, &core, &edge)
        case .leaveInProcess(let ticket): inProcess.leave(ticket, &core, &edge)
        case .shutdown(let windowMs): shutDown(windowMs, &edge)
        }
    }

    /// This shard's part of the answer to a command.
    private mutating func control(_ command: ControlCommand, _ edge: inout Edge) -> ControlAnswer {
        switch command {
        case .members(let channel): .members(members.members(of: channel))
        case .memberCounts(let channel):
            .memberCounts(
                clients: members.members(of: channel).count, users: Set(members.members(of: channel).values.map(\.user))
            )
        case .raw(let order): .raw(raw.carryOut(order, &core, &edge))
        default: clients.control(command, &core, &edge)
        }
    }

    /// The relay of a channel says something to this shard.
    mutating func receive(_ message: RelayMessage, _ edge: inout Edge) {
        switch message {
        case .attached(let tag, let result):
            let id = ConnectionID(raw: tag.connection)
            clients.attached(id, tag.generation, result, &core, &edge)
        case .event(let channel, let event): deliver(event, in: channel, &edge)
        case .position(let channel, let position): comparePosition(of: channel, with: position, &edge)
        case .answered(let ticket, let answer):
            guard let asker = core.askers.take(ticket) else { return }
            switch asker {
            case .call(let origin): api.answered(origin, answer, &core, &edge)
            case .client(let id, let command): clients.answered(id, command, answer, &core, &edge)
            case .inProcess(let ticket): inProcess.answered(ticket, answer, &core, &edge)
            case .poll(let id, let channel): polls.answered(id, channel, answer, &core, &edge)
            }
        }
    }
}
