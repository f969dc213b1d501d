@testable import PharosRedis

extension RedisEvent {
    /// The event on one line, as the transcripts of sessions name it.
    var notation: String {
        switch self {
        case .ready(let server):
            return "ready RESP\(server.protocolVersion)"
                + [server.software, server.version, server.mode, server.role].compactMap { $0 }.map { " " + $0 }
                .joined()
        case .reply(let ticket, let value): return "reply \(ticket.number) \(value.notation)"
        case .confirmed(let ticket): return "confirmed \(ticket.number)"
        case .failed(let ticket, .server(let error)): return "failed \(ticket.number) -\(error)"
        case .failed(let ticket, .timedOut(let delivery)): return "failed \(ticket.number) timedOut \(delivery)"
        case .failed(let ticket, .closed(let delivery)): return "failed \(ticket.number) closed \(delivery)"
        case .message(let channel, let payload):
            return "message \(Escapes.text(channel)) \"\(Escapes.text(payload))\""
        case .shardMessage(let channel, let payload):
            return "smessage \(Escapes.text(channel)) \"\(Escapes.text(payload))\""
        case .patternMessage(let pattern, let channel, let payload):
            return "pmessage \(Escapes.text(pattern)) \(Escapes.text(channel)) \"\(Escapes.text(payload))\""
        case .subscription(let change):
            return (change.isSubscribed ? "subscribed" : "unsubscribed")
                + " \(change.kind) \(Escapes.text(change.channel)) \(change.count)"
                + (change.isRequested ? "" : " by the server")
        case .push(let elements): return RESPValue.push(elements).notation
        case .closed(.refused(let error)): return "over: refused -\(error)"
        case .closed(.malformed(let error)): return "over: malformed \(error)"
        case .closed(let reason): return "over: \(reason)"
        }
    }
}
