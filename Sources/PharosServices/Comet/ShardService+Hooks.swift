import PharosDomain
import PharosEdge
import PharosProtocol

/// Questions to the application: asked from here, answered as mail.
extension ShardService {
    mutating func ask(_ ticket: HookTicket, of id: ConnectionID, _ edge: inout Edge) {
        guard let origin = node.application.origin else {
            return perform(
                sessions[id].session.hookAnswered(ticket.number, .unavailable, context(edge)), of: id, &edge)
        }
        var request = HookRequest(ticket.question, from: sessions[id].session)
        request.transport = sessions[id].wire.carrier.name
        request.isProtobuf = sessions[id].wire.format == .protobuf
        request.peer = address(of: id, edge)
        if let facts = facts[id.slot] { request.facts = facts }
        let (node, index, number) = (node, index, ticket.number)
        origin.ask(request, of: ticket.origin) { outcome in
            node.post(.hookAnswered(id, number, outcome), to: index)
        }
    }

    /// The connection may have gone, and another one have its place: then the generation differs, and nobody gets the answer.
    mutating func hookAnswered(
        _ id: ConnectionID, _ number: UInt32, _ outcome: HookOutcome, _ edge: inout Edge
    ) {
        guard sessions.contains(id) else { return pollHookAnswered(id, number, outcome, &edge) }
        let asked = sessions[id].session.asked(number)
        let action = sessions[id].session.hookAnswered(number, outcome, context(edge))
        if let asked { note(action, asked.kind.rawValue, asked.channel, of: id, edge) }
        perform(action, of: id, &edge)
        resumeQueue(id, &edge)
        updateTimer(id, &edge)
    }

    /// What may be passed on of a client's own request.
    func requestFacts(_ head: RequestHead, _ id: ConnectionID, _ edge: borrowing Edge) -> RequestFacts {
        RequestFacts(head, passed, address: passed.address ? clientAddress(id, head, edge) : "")
    }
}

extension RequestFacts {
    /// What `list` names of a request's head.
    init(_ head: RequestHead, _ list: PassList, address: PeerAddress) {
        self.init()
        self.address = address.text
        if list.path {
            method = String(decoding: head.method, as: UTF8.self)
            path = String(decoding: head.path, as: UTF8.self)
        }
        for name in list.query {
            if let value = (try? QueryReader.first(name, in: head.query)) ?? nil { query[name] = value }
        }
        guard !list.headers.isEmpty || !list.cookies.isEmpty else { return }
        head.forEachHeader { name, value in
            let name = FieldName(decoding: name).asciiLowercased
            if list.headers.contains(name) {
                let value = String(decoding: value, as: UTF8.self)
                headers[name] = headers[name].map { "\($0), \(value)" } ?? value
            }
            if name == "cookie", !list.cookies.isEmpty {
                cookies.merge(RequestFacts.cookies(in: value, list.cookies)) { first, _ in first }
            }
        }
    }

    /// The named cookies of a `Cookie` field, as they are (RFC 6265, section 5.4).
    private static func cookies(in field: UnsafeRawBufferPointer, _ names: [FieldName]) -> [FieldName: String] {
        var found: [FieldName: String] = [:]
        for pair in field.split(separator: UInt8(ascii: ";")) {
            let pair = pair.drop { $0 == UInt8(ascii: " ") }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = FieldName(decoding: pair[..<equals])
            guard names.contains(name), found[name] == nil else { continue }
            found[name] = String(decoding: pair[(equals + 1)...], as: UTF8.self)
        }
        return found
    }
}

extension Wire.Carrier {
    /// How hooks and events call it.
    var name: String {
        switch self {
        case .webSocket: "websocket"
        case .httpStream: "http_stream"
        case .eventStream: "sse"
        case .poll: "poll"
        case .events: "events"
        case .raw, .rawEvents: "raw"
        }
    }
}
