import PharosDomain
import PharosEdge
import PharosProtocol

/// Asks the application about requests at clients' addresses, before all else.
///
/// It names the user and the channels of the client, or refuses.
extension Handshakes {
    /// The state of the application's decision about a request.
    enum Verdict {
        case granted(ConnectionClaims)
        /// Wait, or refuse.
        case decided(HeadDecision)
    }

    /// The handshake hook's decision about a request; nil: it may go on.
    ///
    /// The request is at one of the protocol's addresses.
    mutating func decision(
        about endpoint: Endpoint, _ id: ConnectionID, _ head: RequestHead, _ core: inout ShardCore, _ edge: inout Edge
    ) -> HeadDecision? {
        let origin = core.node.settings.hooks.handshake
        guard !origin.isEmpty, isDecidedAbout(endpoint, head, core) else { return nil }
        switch verdict(of: origin, transport: endpoint.transportName, id, head, &core, &edge) {
        case .decided(let decision): return decision
        case .granted(let claims):
            keep(claims, id)
            return nil
        }
    }

    /// Whether the application is asked about a request.
    ///
    /// It is not about those that are refused anyway, or that belong to a session that was admitted before.
    private func isDecidedAbout(_ endpoint: Endpoint, _ head: RequestHead, _ core: borrowing ShardCore) -> Bool {
        guard core.node.origins.allows(head), !head.method.elementsEqual("OPTIONS".utf8),
            !SessionKey.isBad(in: head)
        else { return false }
        switch endpoint {
        case .emulation: return false
        case .webSocket:
            guard case .accept = WebSocketHandshake.examine(head) else { return false }
            return true
        case .sessionPoll:
            // With a cursor a poll belongs to an admitted session, or is refused; without one it may begin a session.
            let isPost = head.method.elementsEqual("POST".utf8)
            guard let request = try? SessionPollRequest.decode(query: head.query, isPost: isPost) else { return false }
            return request.cursor == nil
        case .httpStream, .eventStream, .events, .poll: return true
        }
    }

    /// Asks, or reads what was answered meanwhile.
    mutating func verdict(
        of origin: OriginName, transport: String, _ id: ConnectionID, _ head: RequestHead, _ core: inout ShardCore,
        _ edge: inout Edge
    ) -> Verdict {
        if let outcome = takeAnswer(id) { return Handshakes.verdict(outcome) }
        guard let application = core.node.application.origin, count < Handshakes.limit else {
            return Handshakes.verdict(.unavailable)
        }
        var request = HookRequest(.handshake)
        request.transport = transport
        request.facts = core.requestFacts(head, id, edge)
        request.peer = core.clientAddress(id, head, edge)
        asked(id)
        let (node, index) = (core.node, core.index)
        application.ask(request, of: origin) { node.post(.handshakeAnswered(id, $0), to: index) }
        return .decided(.later(timeoutMs: handshakeTimeoutMs(origin, core)))
    }

    /// Longer than the origin's own timeout.
    ///
    /// So this clock decides only where that one fails.
    private func handshakeTimeoutMs(_ origin: OriginName, _ core: borrowing ShardCore) -> Int64 {
        let timeout = core.node.settings.hooks.origins.first { $0.name == origin }?.timeout ?? 10
        return Int64((timeout + 2) * 1_000)
    }

    mutating func answered(_ id: ConnectionID, _ outcome: HookOutcome, _ edge: inout Edge) {
        if answered(id, outcome) { edge.resumeHead(id) }
    }

    /// The meaning of an answer for a request.
    ///
    /// Anything that is no answer to a handshake refuses it.
    private static func verdict(_ outcome: HookOutcome) -> Verdict {
        switch outcome {
        case .granted(.handshake(var claims), let meta):
            if let meta { claims.meta = meta }
            guard claims.meta.count <= ClientSession.metaLimit else { return .decided(refusal(503)) }
            return .granted(claims)
        case .status(let status) where (400...499).contains(status): return .decided(refusal(status))
        case .refused(let error) where error == .unauthorized: return .decided(refusal(401))
        case .refused(let error) where error == .permissionDenied: return .decided(refusal(403))
        case .disconnect: return .decided(refusal(403))
        case .granted, .status, .refused: return .decided(refusal(503))
        }
    }

    private static func refusal(_ status: Int) -> HeadDecision {
        switch status {
        case 401: .refuse(status: 401, message: "unauthorized")
        case 403: .refuse(status: 403, message: "forbidden")
        case 503: .refuse(status: 503, message: "the application could not be asked")
        default: .refuse(status: status, message: "refused by the application")
        }
    }
}

extension Endpoint {
    /// The name that hooks have for the transport at this address.
    fileprivate var transportName: String {
        switch self {
        case .webSocket: TransportFraming.frame.transportName
        case .httpStream, .emulation: TransportFraming.stream.transportName
        case .eventStream: TransportFraming.event.transportName
        case .events: DialectTable.standard.transportName(DialectTable.events, .stream)
        case .poll, .sessionPoll: TransportFraming.line.transportName
        }
    }
}
