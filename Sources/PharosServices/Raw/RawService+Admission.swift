import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Admission of connections at raw paths, and how such a connection begins.
///
/// Raw paths are for WebSockets and event streams without our protocol.
extension RawService {
    /// The decision about a request at a raw path; nil: it is at another one.
    mutating func admit(
        _ id: ConnectionID, _ head: RequestHead, _ handshakes: inout Handshakes, _ core: inout ShardCore,
        _ edge: inout Edge
    ) -> HeadDecision? {
        guard let path = raw.path(head.path) else { return nil }
        guard core.node.origins.allows(head) else {
            core.noteOriginRefused(id, head, edge)
            return .refuse(status: 403, message: "this origin is not allowed")
        }
        var isUpgrade = false
        switch WebSocketHandshake.examine(head) {
        case .accept: isUpgrade = true
        case .refused(let status, let reason): return .refuse(status: status, message: reason)
        case .notUpgrade:
            if head.minorVersion == 0 { return .refuse(status: 505, message: "HTTP/1.1 is needed") }
            if head.method.elementsEqual("OPTIONS".utf8) { return .read(limit: 0) }
            guard head.method.elementsEqual("GET".utf8), head.header("accept", hasToken: "text/event-stream") else {
                return .refuse(status: 426, message: "this address speaks WebSocket")
            }
        }
        var claims = ConnectionClaims()
        if !path.handshake.isEmpty {
            switch handshakes.verdict(
                of: path.handshake, transport: core.dialects.transportName(DialectTable.raw, .frame), id, head, &core,
                &edge)
            {
            case .decided(let decision): return decision
            case .granted(let granted): claims = granted
            }
        } else if !path.open {
            return .refuse(status: 403, message: "nobody may connect here")
        }
        guard isUpgrade else {
            handshakes.keep(claims, id)
            return .read(limit: 0)
        }
        guard let channels = channels(of: claims, core) else {
            return .refuse(status: 503, message: "the application named channels that there are not")
        }
        let address = core.node.countsAddresses ? core.clientAddress(id, head, edge) : ""
        guard core.node.rates.take(address: address, nowMs: edge.nowMs) else {
            return .refuse(status: 429, message: "too many requests from this address")
        }
        switch core.node.admit(address: address, nowMs: edge.nowMs) {
        case nil: break
        case 429: return .refuse(status: 429, message: "too many connections from this address")
        case .some(let status): return .refuse(status: status, message: "no further connections are accepted")
        }
        let subprotocol = WebSocketHandshake.subprotocol(of: head, among: path.subprotocols)
        raw.admission = RawConnections.Admission(
            path: path, subprotocol: subprotocol.name, channels: channels, user: claims.user)
        return .webSocket(subprotocol)
    }

    /// The channels that a handshake named, each once; nil: they cannot be used.
    ///
    /// It is nil if one of them cannot be, or if there are too many.
    private func channels(of claims: ConnectionClaims, _ core: borrowing ShardCore) -> [ChannelName]? {
        let channels = Set(claims.channels).union(claims.subscriptions.keys).sorted()
        guard channels.count <= core.node.settings.client.channelLimit,
            channels.allSatisfy({ (try? core.rules.resolve($0)) != nil })
        else { return nil }
        return channels
    }

    /// The upgrade's answer is on its way.
    mutating func opened(
        _ id: ConnectionID, _ head: RequestHead, _ admission: RawConnections.Admission, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        let wire = Wire(dialect: DialectTable.raw, framing: .frame, windowBits: edge.compression(of: id))
        openRaw(id, head, admission, wire, &core, &edge)
    }

    /// A request for an event stream at a raw path.
    mutating func serve(
        _ id: ConnectionID, _ path: RawPath, _ head: RequestHead, _ handshakes: inout Handshakes,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let fields = ShardCore.originFields(head)
        guard !head.method.elementsEqual("OPTIONS".utf8) else {
            return core.answer(id, 204, fields: ShardCore.preflightFields(head), &edge)
        }
        let granted = handshakes.takeClaims(id)
        guard core.withinLimits(id, head, fields, &edge) else { return }
        guard let claims = granted, let channels = channels(of: claims, core) else {
            return core.answer(
                id, 503, error: "the application named channels that there are not", fields: fields, &edge)
        }
        guard core.beginStream(id, head, "text/event-stream", fields, &edge) else { return }
        let admission = RawConnections.Admission(path: path, subprotocol: "", channels: channels, user: claims.user)
        // Makes intermediaries send the head at once.
        MessageEventStream.begin(into: &core.scratch)
        edge.send(id, .chunk, core.scratch)
        core.scratch.removeAll()
        let wire = Wire(dialect: DialectTable.raw, framing: .event, isUnchunked: edge.isUnchunked(id))
        openRaw(id, head, admission, wire, &core, &edge)
    }

    private mutating func openRaw(
        _ id: ConnectionID, _ head: RequestHead, _ admission: RawConnections.Admission, _ wire: Wire,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let rawID = core.node.makeRawID(place: core.name(of: id), random: core.random.next())
        let address = core.clientAddress(id, head, edge)
        let connection = RawConnection(
            id: id, path: admission.path, wire: wire, rawID: rawID, name: rawID.text(node: raw.node),
            address: address.text, nowMs: edge.wallMs)
        if !core.passed.isEmpty { connection.facts = core.requestFacts(head, id, edge) }
        if core.node.keepsAddresses { core.addresses[id.slot] = address }
        raw.insert(connection)
        core.counters.opened += 1
        core.noteAge(id, edge)
        for channel in admission.channels { subscribeRaw(connection, to: channel, user: admission.user, &core, &edge) }
        let interval = core.node.settings.client.pingInterval
        if interval > 0 {
            // Spread over half an interval, so that those who came together do not answer together.
            connection.nextPingMs = edge.nowMs + Int64(interval * .random(in: 500...1_000, using: &core.random))
            edge.setTimer(id, atMs: connection.nextPingMs)
        }
        guard !admission.path.origin.isEmpty else { return }
        enqueue(.established(subprotocol: admission.subprotocol), of: connection, &core, &edge)
    }
}
