import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Limits on how many commands and requests there may be per second.
extension ShardService {
    /// Whether a client's command may be carried out. If not, it has been answered with error 111, or the connection closed.
    mutating func withinLimits(_ command: Command, of id: ConnectionID, _ edge: inout Edge) -> Bool {
        guard countsCommand(command, id) else { return true }
        let now = edge.nowMs
        var rate = connectionRates[id.slot] ?? ConnectionRate(node.rates, nowMs: now)
        let verdict = rate.take(nowMs: now)
        connectionRates[id.slot] = rate
        switch verdict {
        case .hopeless:
            disconnect(id, .tooManyRequests, &edge)
            return false
        case .refused: return refuse(command, .connection, id, &edge)
        case .allowed: break
        }
        guard node.rates.take(user: sessions[id].session.user, nowMs: now) else {
            return refuse(command, .user, id, &edge)
        }
        guard node.rates.take(address: addresses[id.slot] ?? "", nowMs: now) else {
            return refuse(command, .address, id, &edge)
        }
        return true
    }

    private mutating func refuse(
        _ command: Command, _ scope: RateLimiter.Scope, _ id: ConnectionID, _ edge: inout Edge
    ) -> Bool {
        // What asks for no answer cannot be told that it was not taken: the connection is.
        guard command.id > 0 else {
            disconnect(id, .tooManyRequests, &edge)
            return false
        }
        send(Reply(id: command.id, result: .error(node.rates.error(scope))), to: id, &edge)
        return false
    }

    /// Pongs are free, and so is what ends the connection anyway because nothing could be answered to it.
    private func countsCommand(_ command: Command, _ id: ConnectionID) -> Bool {
        guard node.rates.isActive, let request = command.request, command.id > 0 || request.isSend else { return false }
        // The commands of a plain event stream are our own.
        guard sessions[id].wire.carrier != .events else { return false }
        switch sessions[id].session.state {
        case .connected: return true
        // A polled session begins with a request that was counted itself.
        case .awaitingConnect:
            switch request {
            case .connect, .malformed: return sessions[id].wire.carrier != .poll
            default: return false
            }
        case .connecting, .refused, .closed: return false
        }
    }

    /// Whether the address of a request may ask once more; if not, it has been answered with 429.
    mutating func withinLimits(
        _ id: ConnectionID, _ head: RequestHead, _ originFields: [UInt8], _ edge: inout Edge
    ) -> Bool {
        guard node.rates.isActive, node.countsAddresses else { return true }
        if node.rates.take(address: clientAddress(id, head, edge), nowMs: edge.nowMs) { return true }
        // The edge says `Retry-After: 1`, and no limit is so low that one command would take longer.
        answer(id, 429, error: node.rates.error(.address).message, fields: originFields, &edge)
        return false
    }
}

extension Request {
    /// Whether it is a message without an answer; everything else without an id ends the connection.
    fileprivate var isSend: Bool {
        if case .send = self { true } else { false }
    }
}
