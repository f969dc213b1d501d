import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Limits on how many commands and requests there may be per second.
extension ClientService {
    /// Whether a client's command may be carried out.
    ///
    /// If not, it has been answered with error 111, or the connection has been closed.
    mutating func withinLimits(_ command: Command, of id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge)
        -> Bool
    {
        guard countsCommand(command, id, core) else { return true }
        let now = edge.nowMs
        var rate = connectionRates[id.slot] ?? ConnectionRate(core.node.rates, nowMs: now)
        let verdict = rate.take(nowMs: now)
        connectionRates[id.slot] = rate
        switch verdict {
        case .hopeless:
            disconnect(id, .tooManyRequests, &core, &edge)
            return false
        case .refused: return refuse(command, .connection, id, &core, &edge)
        case .allowed: break
        }
        guard core.node.rates.take(user: core.sessions[id].session.user, nowMs: now) else {
            return refuse(command, .user, id, &core, &edge)
        }
        guard core.node.rates.take(address: core.addresses[id.slot] ?? "", nowMs: now) else {
            return refuse(command, .address, id, &core, &edge)
        }
        return true
    }

    private mutating func refuse(
        _ command: Command, _ scope: RateLimiter.Scope, _ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge
    ) -> Bool {
        // A command without an answer cannot be refused by an error: the connection is closed with the reason.
        guard command.id > 0 else {
            disconnect(id, .tooManyRequests, &core, &edge)
            return false
        }
        core.send(Reply(id: command.id, result: .error(core.node.rates.error(scope))), to: id, &edge)
        return false
    }

    /// Whether a command counts towards the limits.
    ///
    /// Pongs do not count, nor does a command that ends the connection anyway because nothing could be answered to it.
    private func countsCommand(_ command: Command, _ id: ConnectionID, _ core: borrowing ShardCore) -> Bool {
        guard core.node.rates.isActive, let request = command.request, command.id > 0 || request.isSend else {
            return false
        }
        let wire = core.sessions[id].wire
        guard core.dialects.traits(wire.dialect).hasClientCommands else { return false }
        switch core.sessions[id].session.state {
        case .connected: return true
        // A polled session begins with a request that was counted itself.
        case .awaitingConnect:
            switch request {
            case .connect, .malformed: return wire.framing != .line
            default: return false
            }
        case .connecting, .refused, .closed: return false
        }
    }
}

extension Request {
    /// Whether it is a message without an answer.
    ///
    /// Every other request without an id ends the connection.
    fileprivate var isSend: Bool {
        if case .send = self { true } else { false }
    }
}
