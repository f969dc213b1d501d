import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Clients over HTTP answers that do not end, with commands beside them.
///
/// They are HTTP streams, SSE and plain event streams.
enum StreamTransport {
    static func open(
        _ endpoint: Endpoint, _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer,
        _ claims: ConnectionClaims?, _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let fields = ShardCore.originFields(head)
        let isEvents = endpoint == .eventStream
        let dialect = isEvents ? DialectTable.json : core.dialects.dialect(contentType: head.header("content-type"))
        let wire = Wire(dialect: dialect, framing: isEvents ? .event : .stream, isUnchunked: edge.isUnchunked(id))
        // The connect command comes in the body, or in the address, where an EventSource can put nothing else.
        var commands = Array(body)
        if isEvents, commands.isEmpty {
            let query = (try? QueryReader.first("cf_connect", in: head.query)) ?? nil
            guard let query, !query.isEmpty else {
                return core.answer(id, 400, error: "cf_connect is missing", fields: fields, &edge)
            }
            commands = Array(query.utf8)
            // Any page can make a browser ask for an address, and the browser sends the user's cookies with it.
            guard onlyConnects(commands) else {
                let message = "cf_connect: only connect and subscribe are carried out from an address"
                return core.answer(id, 400, error: message, fields: fields, &edge)
            }
        }
        let facts: ClientFacts
        do throws(ConversationRefusal) {
            facts = try core.clientFacts(id, head, wire, claims, edge)
        } catch {
            return core.answer(id, error.status, error: error.message, fields: fields, &edge)
        }
        let contentType = isEvents ? "text/event-stream" : core.dialects.traits(dialect).contentType
        guard core.beginStream(id, head, contentType, fields, &edge) else { return }
        if isEvents {
            MessageEventStream.begin(into: &core.scratch)
            edge.send(id, .chunk, core.scratch)
            core.scratch.removeAll()
        }
        clients.open(id, facts, wire, &core, &edge)
        commands.withUnsafeBytes { clients.received(id, $0, &core, &edge) }
    }

    /// Whether commands concern only the connection that they begin.
    ///
    /// A message that cannot be read is not carried out either, and the stream says so.
    private static func onlyConnects(_ message: [UInt8]) -> Bool {
        var commands: [Command] = []
        let isReadable: Void? = try? message.withUnsafeBytes { try JSONCommandDecoder.decode($0, into: &commands) }
        guard isReadable != nil else { return true }
        return commands.allSatisfy { command in
            switch command.request {
            case .connect, .subscribe: true
            default: false
            }
        }
    }

    static func isOctetStream(_ head: RequestHead) -> Bool {
        guard let type = head.header("content-type") else { return false }
        return type.prefix(24).elementsEqual("application/octet-stream".utf8)
    }

    // MARK: Commands beside the stream

    /// Carries out commands for a stream, on whichever shard of whichever node it is.
    ///
    /// The request is answered before they are carried out: replies come on the stream.
    static func emulate(
        _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        let fields = ShardCore.originFields(head)
        let request: EmulationRequest
        let limit = core.node.settings.edge.messageSizeLimit
        do throws(EmulationError) {
            request =
                isOctetStream(head)
                ? try EmulationRequest.decodeProtobuf(body, dataLimit: limit)
                : try EmulationRequest.decodeJSON(body, dataLimit: limit)
        } catch {
            switch error {
            case .malformed: return core.answer(id, 400, error: "malformed request", fields: fields, &edge)
            case .dataTooLong: return core.answer(id, 413, error: "the commands are too long", fields: fields, &edge)
            }
        }
        guard let node = core.node.messages.nodes.first(where: { $0.name.text == request.node }) else {
            return core.answer(id, 404, error: "unknown node", fields: fields, &edge)
        }
        core.answer(id, 204, fields: fields, &edge)
        // The answer does not say that the stream may be gone: its client notices by the stream.
        guard let session = ClientID(request.session) else { return }
        core.node.messages.send(.emulated(session: session, request.data), to: node) { core.post($0, to: $1) }
    }

    /// Commands for a stream of this shard have come.
    static func emulated(
        _ session: ClientID, _ data: [UInt8], _ clients: inout ClientService, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        guard let id = core.connection(named: session), core.sessions[id].streamKey == session.high else { return }
        data.withUnsafeBytes { clients.received(id, $0, &core, &edge) }
    }

    // MARK: Plain event streams

    /// Opens `GET /events`: publications for any `EventSource`.
    ///
    /// It follows the HTML standard, section 9.2, and has no protocol above the events.
    static func openEvents(
        _ id: ConnectionID, _ head: RequestHead, _ claims: ConnectionClaims?, _ clients: inout ClientService,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let fields = ShardCore.originFields(head)
        guard core.withinLimits(id, head, fields, &edge) else { return }
        let wire = Wire(dialect: DialectTable.events, framing: .stream, isUnchunked: edge.isUnchunked(id))
        let facts: ClientFacts
        do throws(ConversationRefusal) {
            facts = try core.clientFacts(id, head, wire, claims, answerFields: fields, edge)
        } catch {
            return core.answer(id, error.status, error: error.message, fields: fields, &edge)
        }
        let address = core.node.countsAddresses ? core.clientAddress(id, head, edge) : ""
        if let status = core.node.admit(address: address, nowMs: edge.nowMs) {
            return core.answer(id, status, error: "no further connections are accepted", fields: fields, &edge)
        }
        // Whether the client may connect is answered by the status: an EventSource sees nothing else.
        edge.park(id)
        clients.open(id, facts, wire, &core, &edge)
    }
}
