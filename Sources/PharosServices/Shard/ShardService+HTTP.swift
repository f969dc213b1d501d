import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Requests: which of them this shard serves, and which service answers.
extension ShardService {
    mutating func headReceived(
        _ id: ConnectionID, _ head: RequestHead, _ edge: inout Edge
    ) -> HeadDecision {
        if let message = core.node.keylessGuard.refusal(of: head) {
            core.noteRefused(
                .origin, "keyless", id, head, edge,
                [
                    .init("origin", head.header("origin").map { String(decoding: $0, as: UTF8.self) } ?? ""),
                    .init("host", String(decoding: head.authority, as: UTF8.self)),
                ])
            return .refuse(status: 403, message: message)
        }
        if let endpoint = Endpoint(head.path), endpoint.isOpen(core.node.settings.transports) {
            if let decision = handshakes.decision(about: endpoint, id, head, &core, &edge) { return decision }
            return endpoint == .webSocket ? admitWebSocket(id, head, edge) : admit(endpoint, id, head, edge)
        }
        if !raw.raw.paths.isEmpty,
            let decision = raw.admit(id, head, &handshakes, &core, &edge) ?? raw.admitCall(id, head, core, edge)
        {
            return decision
        }
        guard let path = APIPath(head.path), head.method.elementsEqual("POST".utf8) else {
            return ResponderTransport.admit(head)
        }
        return admitCall(path, id, head, edge)
    }

    private func admitCall(
        _ path: APIPath, _ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge
    ) -> HeadDecision {
        guard path.home != nil else { return .refuse(status: 404, message: "not found") }
        switch core.node.apiAccess.verdict(of: head, method: path.method) {
        case .granted:
            let limit =
                path.isResponders ? ResponderTransport.unkeyedBodyLimit : core.node.settings.api.maxBodySize
            return .read(limit: limit, isTrusted: true)
        case .unauthorized:
            core.noteRefused(.apiKey, head.hasKey ? "wrong" : "missing", id, head, edge)
            return .refuse(status: 401, message: "unauthorized")
        case .forbidden:
            core.noteRefused(.apiKey, "scope", id, head, edge)
            return .refuse(status: 403, message: "this key may not call this method")
        }
    }

    /// Publications that are sent together are carried out together.
    ///
    /// That is so whichever shards have their channels. Those of one channel keep their order all the same. Everything
    /// else waits for what was asked before it.
    func readsAhead(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) -> Int? {
        guard let path = APIPath(head.path), path == .publish, head.method.elementsEqual("POST".utf8),
            raw.raw.paths.isEmpty || raw.raw.path(head.path) == nil,
            core.node.keylessGuard.refusal(of: head) == nil,
            core.node.apiAccess.verdict(of: head, method: path.method) == .granted
        else { return nil }
        return core.node.settings.api.maxBodySize
    }

    mutating func requestReceived(
        _ id: ConnectionID, _ head: RequestHead, body: UnsafeRawBufferPointer, _ edge: inout Edge
    ) {
        serve(id, head, body, &edge)
        settle(&edge)
    }

    private mutating func serve(
        _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer, _ edge: inout Edge
    ) {
        if let endpoint = Endpoint(head.path), endpoint.isOpen(core.node.settings.transports) {
            return serve(endpoint, id, head, body, &edge)
        }
        if !raw.raw.paths.isEmpty {
            if let path = raw.raw.path(head.path) { return raw.serve(id, path, head, &handshakes, &core, &edge) }
            if raw.serveCall(id, head, body, &core, &edge) { return }
        }
        guard let path = APIPath(head.path), head.method.elementsEqual("POST".utf8), !path.isResponders else {
            return ResponderTransport.ask(id, head, body, &core, &edge)
        }
        if path == .publish { edge.allowReadingAhead(id) }
        let ticket = edge.answerTicket(of: id)
        var transportErrors = core.node.settings.api.transportErrorMode
        if let mode = head.header("x-centrifugo-error-mode") { transportErrors = mode.elementsEqual("transport".utf8) }
        head.withKey {
            api.callAPI(path, body, key: $0, origin: .http(ticket, transportErrors: transportErrors), &core, &edge)
        }
    }

    private mutating func serve(
        _ endpoint: Endpoint, _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer,
        _ edge: inout Edge
    ) {
        // What the application granted to this request is the client's that it opens.
        let claims = handshakes.isEmpty ? nil : handshakes.takeClaims(id)
        if head.method.elementsEqual("OPTIONS".utf8) {
            return core.answer(id, 204, fields: ShardCore.preflightFields(head), &edge)
        }
        guard endpoint.allows(head.method) else {
            let fields = ShardCore.originFields(head) + Array("Allow: \(endpoint.methods)\r\n".utf8)
            return core.answer(id, 405, error: "method not allowed", fields: fields, &edge)
        }
        switch endpoint {
        case .webSocket: core.answer(id, 426, error: "this address speaks WebSocket", fields: [], &edge)
        case .httpStream, .eventStream:
            StreamTransport.open(endpoint, id, head, body, claims, &clients, &core, &edge)
        case .emulation: StreamTransport.emulate(id, head, body, &core, &edge)
        case .events: StreamTransport.openEvents(id, head, claims, &clients, &core, &edge)
        case .poll: polls.poll(id, head, claims, &core, &edge)
        case .sessionPoll: sessionPolls.poll(id, head, body, claims, &clients, &core, &edge)
        }
    }

    private func admitWebSocket(
        _ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge
    ) -> HeadDecision {
        switch WebSocketHandshake.examine(head, subprotocols: core.dialects.subprotocols) {
        case .notUpgrade: return .refuse(status: 426, message: "this address speaks WebSocket")
        case .refused(let status, let reason): return .refuse(status: status, message: reason)
        case .accept(let subprotocol):
            guard core.node.origins.allows(head) else {
                core.noteOriginRefused(id, head, edge)
                return .refuse(status: 403, message: "this origin is not allowed")
            }
            guard !SessionKey.isBad(in: head) else {
                return .refuse(status: 400, message: "session: 22 to 64 characters A-Za-z0-9_-")
            }
            let address = core.node.countsAddresses ? core.clientAddress(id, head, edge) : ""
            switch core.node.admit(address: address, nowMs: edge.nowMs) {
            case nil: return .webSocket(subprotocol)
            case 429: return .refuse(status: 429, message: "too many connections from this address")
            case .some(let status): return .refuse(status: status, message: "no further connections are accepted")
            }
        }
    }

    private func admit(
        _ endpoint: Endpoint, _ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge
    ) -> HeadDecision {
        guard core.node.origins.allows(head) else {
            core.noteOriginRefused(id, head, edge)
            return .refuse(status: 403, message: "this origin is not allowed")
        }
        if head.method.elementsEqual("OPTIONS".utf8) { return .read(limit: 0) }
        guard !SessionKey.isBad(in: head) else {
            return .refuse(status: 400, message: "session: 22 to 64 characters A-Za-z0-9_-")
        }
        return .read(limit: core.node.settings.edge.messageSizeLimit)
    }
}
