import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// The client protocol over an HTTP answer that does not end, with commands beside it: HTTP streams and SSE.
extension ShardService {
    mutating func openStream(
        _ endpoint: Endpoint, _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer,
        _ edge: inout Edge
    ) {
        let fields = ShardService.originFields(head)
        var wire = Wire(format: .json, carrier: endpoint == .eventStream ? .eventStream : .httpStream)
        wire.isUnchunked = edge.isUnchunked(id)
        if wire.carrier == .httpStream, ShardService.isOctetStream(head) { wire.format = .protobuf }
        // The connect command comes in the body, or in the address, where an EventSource can put nothing else.
        var commands = Array(body)
        if wire.carrier == .eventStream, commands.isEmpty {
            let query = (try? QueryReader.first("cf_connect", in: head.query)) ?? nil
            guard let query, !query.isEmpty else {
                return answer(id, 400, error: "cf_connect is missing", fields: fields, &edge)
            }
            commands = Array(query.utf8)
            // Any page can make a browser ask for an address, and the browser sends the user's cookies with it.
            guard ShardService.onlyConnects(commands) else {
                let message = "cf_connect: only connect and subscribe are carried out from an address"
                return answer(id, 400, error: message, fields: fields, &edge)
            }
        }
        guard beginStream(id, head, contentType(wire), fields, &edge) else { return }
        if wire.carrier == .eventStream {
            MessageEventStream.begin(into: &scratch)
            edge.send(id, .chunk, scratch)
            scratch.removeAll()
        }
        openSession(id, head, wire, &edge)
        commands.withUnsafeBytes { messageReceived(id, $0, isText: wire.format == .json, &edge) }
    }

    /// Whether commands change nothing for anybody but the connection that they begin. What cannot be read is not carried out
    /// either, and the stream says so.
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

    /// Answers with the head of a stream, unless there are too many connections; false: that was said.
    mutating func beginStream(
        _ id: ConnectionID, _ head: RequestHead, _ contentType: StaticString, _ originFields: [UInt8],
        _ edge: inout Edge
    ) -> Bool {
        let address = node.countsAddresses ? clientAddress(id, head, edge) : ""
        if let status = node.admit(address: address, nowMs: edge.nowMs) {
            let message =
                status == 429 ? "too many connections from this address" : "no further connections are accepted"
            answer(id, status, error: message, fields: originFields, &edge)
            return false
        }
        var fields = ByteWriter()
        fields.append("Content-Type: ")
        fields.append(contentType)
        fields.append("\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n")
        originFields.withUnsafeBytes { fields.append($0) }
        edge.beginStream(id, head: fields)
        return true
    }

    private func contentType(_ wire: Wire) -> StaticString {
        switch (wire.carrier, wire.format) {
        case (.eventStream, _): "text/event-stream"
        case (_, .json): "application/json"
        case (_, .protobuf): "application/octet-stream"
        }
    }

    static func isOctetStream(_ head: RequestHead) -> Bool {
        guard let type = head.header("content-type") else { return false }
        return type.prefix(24).elementsEqual("application/octet-stream".utf8)
    }

    // MARK: Commands beside the stream

    /// Commands for a stream, wherever it is. Answered before they are carried out: replies come on the stream.
    mutating func emulate(
        _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer, _ edge: inout Edge
    ) {
        let fields = ShardService.originFields(head)
        let request: EmulationRequest
        let limit = node.settings.edge.messageSizeLimit
        do throws(EmulationError) {
            request =
                ShardService.isOctetStream(head)
                ? try EmulationRequest.decodeProtobuf(body, dataLimit: limit)
                : try EmulationRequest.decodeJSON(body, dataLimit: limit)
        } catch {
            switch error {
            case .malformed: return answer(id, 400, error: "malformed request", fields: fields, &edge)
            case .dataTooLong: return answer(id, 413, error: "the commands are too long", fields: fields, &edge)
            }
        }
        guard request.node == node.uid else {
            return answer(id, 404, error: "unknown node", fields: fields, &edge)
        }
        answer(id, 204, fields: fields, &edge)
        // That the stream may be gone is not told here: its client notices by the stream.
        guard let session = ClientID(request.session), let shard = node.shard(of: session) else { return }
        if shard == index {
            emulated(session, request.data, &edge)
        } else {
            node.post(.emulated(session, request.data), to: shard)
        }
    }

    mutating func emulated(_ session: ClientID, _ data: [UInt8], _ edge: inout Edge) {
        guard let id = place(of: session), sessions[id].streamKey == session.high else { return }
        data.withUnsafeBytes { messageReceived(id, $0, isText: sessions[id].wire.format == .json, &edge) }
    }

    /// What names a stream to `POST /emulation`: known to its client alone.
    func streamName(_ id: ConnectionID) -> SessionKey {
        SessionKey(ClientID(high: sessions[id].streamKey, low: name(of: id)).text)
    }
}
