import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Requests: which of them this shard serves, and who may ask.
extension ShardService {
    mutating func headReceived(
        _ id: ConnectionID, _ head: RequestHead, _ edge: inout Edge
    ) -> HeadDecision {
        if let message = node.keylessGuard.refusal(of: head) {
            noteRefused(
                .origin, "keyless", id, head, edge,
                [
                    .init("origin", head.header("origin").map { String(decoding: $0, as: UTF8.self) } ?? ""),
                    .init("host", String(decoding: head.authority, as: UTF8.self)),
                ])
            return .refuse(status: 403, message: message)
        }
        if let endpoint = Endpoint(head.path), endpoint.isOpen(node.settings.transports) {
            if let decision = decision(about: endpoint, id, head, &edge) { return decision }
            return endpoint == .webSocket ? admitWebSocket(id, head, edge) : admit(endpoint, id, head, edge)
        }
        if !raw.paths.isEmpty, let decision = admitRaw(id, head, &edge) ?? admitRawCall(id, head, edge) {
            return decision
        }
        guard let path = APIPath(head.path), head.method.elementsEqual("POST".utf8) else {
            return admitToResponder(head)
        }
        var name: MethodName?
        if case .method(let method) = path {
            guard APIMethod(named: method) != nil || APIMethod.isDeclined(method) || path.isResponders else {
                return .refuse(status: 404, message: "not found")
            }
            name = method
        }
        let key = APIAccess.key(
            apiKeyHeader: head.header("x-api-key"), authorization: head.header("authorization"), query: head.query)
        switch apiAccess.verdict(key: key, method: name) {
        case .granted:
            let limit = path.isResponders ? ShardService.unkeyedBodyLimit : node.settings.api.maxBodySize
            return .read(limit: limit, isTrusted: true)
        case .unauthorized:
            noteRefused(.apiKey, key == nil ? "missing" : "wrong", id, head, edge)
            return .refuse(status: 401, message: "unauthorized")
        case .forbidden:
            noteRefused(.apiKey, "scope", id, head, edge)
            return .refuse(status: 403, message: "this key may not call this method")
        }
    }

    mutating func requestReceived(
        _ id: ConnectionID, _ head: RequestHead, body: UnsafeRawBufferPointer, _ edge: inout Edge
    ) {
        if let endpoint = Endpoint(head.path), endpoint.isOpen(node.settings.transports) {
            return withClaims(of: id) { $0.serve(endpoint, id, head, body, &edge) }
        }
        if !raw.paths.isEmpty {
            if let path = raw.path(head.path) { return serveRaw(id, path, head, &edge) }
            if serveRawCall(id, head, body, &edge) { return }
        }
        guard let path = APIPath(head.path), head.method.elementsEqual("POST".utf8), !path.isResponders else {
            return askResponder(id, head, body, &edge)
        }
        var transportErrors = node.settings.api.transportErrorMode
        if let mode = head.header("x-centrifugo-error-mode") { transportErrors = mode.elementsEqual("transport".utf8) }
        let key = APIAccess.key(
            apiKeyHeader: head.header("x-api-key"), authorization: head.header("authorization"), query: head.query)
        callAPI(path, body, key: key, origin: .http(id, transportErrors: transportErrors), &edge)
    }

    private mutating func admitWebSocket(
        _ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge
    ) -> HeadDecision {
        switch WebSocketHandshake.examine(head, subprotocols: DialectTable.standard.subprotocols) {
        case .notUpgrade: return .refuse(status: 426, message: "this address speaks WebSocket")
        case .refused(let status, let reason): return .refuse(status: status, message: reason)
        case .accept(let subprotocol):
            guard node.origins.allows(head) else {
                noteOriginRefused(id, head, edge)
                return .refuse(status: 403, message: "this origin is not allowed")
            }
            guard !ShardService.hasBadSessionKey(head) else {
                return .refuse(status: 400, message: "session: 22 to 64 characters A-Za-z0-9_-")
            }
            let address = node.countsAddresses ? clientAddress(id, head, edge) : ""
            switch node.admit(address: address, nowMs: edge.nowMs) {
            case nil: return .webSocket(subprotocol)
            case 429: return .refuse(status: 429, message: "too many connections from this address")
            case .some(let status): return .refuse(status: status, message: "no further connections are accepted")
            }
        }
    }

    /// The peer's address, or what a configured proxy says it is.
    func clientAddress(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) -> PeerAddress {
        let peer = edge.peerAddress(id)
        return PeerAddress(node.proxies.isEmpty ? peer : node.proxies.clientAddress(peer: peer, head: head))
    }

    /// The user that a configured proxy names in its header.
    func userFromProxy(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) -> UserID? {
        let header = node.settings.client.userIDHTTPHeader
        guard !header.isEmpty, node.proxies.contains(edge.peerAddress(id)) else { return nil }
        var user: UserID?
        let wanted = Array(header.utf8)
        head.forEachHeader { name, value in
            if name.count == wanted.count, zip(name, wanted).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) {
                user = UserID(decoding: value)
            }
        }
        return user.flatMap { $0.isEmpty ? nil : $0 }
    }
}
