import PharosDomain
import PharosEdge
import PharosProtocol

/// Questions to the application: asked from here, answered as mail.
extension ClientService {
    mutating func ask(_ ticket: HookTicket, of id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let origin = core.node.application.origin else {
            return perform(
                core.sessions[id].session.hookAnswered(ticket.number, .unavailable, core.context(edge)), of: id, &core,
                &edge)
        }
        var request = HookRequest(ticket.question, from: core.sessions[id].session)
        let wire = core.sessions[id].wire
        request.transport = core.dialects.transportName(wire)
        request.isProtobuf = !core.dialects.traits(wire.dialect).payloadsAreJSON
        request.peer = core.address(of: id, edge)
        if let facts = core.facts[id.slot] { request.facts = facts }
        let (node, index, number) = (core.node, core.index, ticket.number)
        origin.ask(request, of: ticket.origin) { outcome in
            node.post(.hookAnswered(id, number, outcome), to: index)
        }
    }

    /// The application has answered a question about a connection that is still there.
    mutating func hookAnswered(
        _ id: ConnectionID, _ number: UInt32, _ outcome: HookOutcome, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let asked = core.sessions[id].session.asked(number)
        let action = core.sessions[id].session.hookAnswered(number, outcome, core.context(edge))
        if let asked { core.note(action, asked.kind.rawValue, asked.channel, of: id, edge) }
        perform(action, of: id, &core, &edge)
        resumeQueue(id, &edge)
        updateTimer(id, &core, &edge)
    }
}
