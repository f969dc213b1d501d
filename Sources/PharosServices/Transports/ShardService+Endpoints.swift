import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Requests at the clients' addresses other than WebSocket: who may ask, and who answers.
extension ShardService {
    func admit(
        _ endpoint: Endpoint, _ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge
    ) -> HeadDecision {
        guard node.origins.allows(head) else {
            noteOriginRefused(id, head, edge)
            return .refuse(status: 403, message: "this origin is not allowed")
        }
        if head.method.elementsEqual("OPTIONS".utf8) { return .read(limit: 0) }
        guard !ShardService.hasBadSessionKey(head) else {
            return .refuse(status: 400, message: "session: 22 to 64 characters A-Za-z0-9_-")
        }
        return .read(limit: node.settings.edge.messageSizeLimit)
    }

    mutating func serve(
        _ endpoint: Endpoint, _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer,
        _ edge: inout Edge
    ) {
        if head.method.elementsEqual("OPTIONS".utf8) {
            return answer(id, 204, fields: ShardService.preflightFields(head), &edge)
        }
        guard endpoint.allows(head.method) else {
            let fields = ShardService.originFields(head) + Array("Allow: \(endpoint.methods)\r\n".utf8)
            return answer(id, 405, error: "method not allowed", fields: fields, &edge)
        }
        switch endpoint {
        case .webSocket: answer(id, 426, error: "this address speaks WebSocket", fields: [], &edge)
        case .httpStream, .eventStream: openStream(endpoint, id, head, body, &edge)
        case .emulation: emulate(id, head, body, &edge)
        case .events: openEvents(id, head, &edge)
        case .poll: poll(id, head, &edge)
        case .sessionPoll: pollSession(id, head, body, &edge)
        }
    }

    // MARK: Cursors

    static let addressTooLong =
        "the address leaves no room for the positions of so many channels (edge.head_size_limit)"

    /// How many channels the cursor of a request may name that is otherwise like this one, in a header or in the address.
    ///
    /// - Parameter known: bytes of the cursor that it has already.
    func cursorRoom(_ head: RequestHead, shortenedBy known: Int) -> Int {
        // The parameter's or the field's name, and what separates it.
        let name = 24
        let free =
            min(
                node.settings.edge.headSizeLimit - head.length, RequestHead.targetLimit - head.target.count) - name
            + known
        return PositionCursor.room(in: free)
    }

    // MARK: Answers

    /// Answers a request with JSON text, or with nothing.
    mutating func answer(
        _ id: ConnectionID, _ status: Int, fields: [UInt8], body: [UInt8] = [], _ edge: inout Edge
    ) {
        fields.withUnsafeBytes { fields in
            body.withUnsafeBytes { edge.respond(id, status: status, headers: fields, body: $0) }
        }
    }

    mutating func answer(
        _ id: ConnectionID, _ status: Int, error message: String, fields: [UInt8], _ edge: inout Edge
    ) {
        var text = ByteWriter()
        text.appendError(status: status, message)
        answer(id, status, fields: fields, body: text.array, &edge)
    }

    // MARK: Other origins (Fetch standard, section 3.2)

    /// What lets a page of an allowed origin read the answer; nothing for requests without an origin.
    static func originFields(_ head: RequestHead) -> [UInt8] {
        guard let origin = head.header("origin") else { return [] }
        var fields = ByteWriter(capacity: 160)
        fields.append("Access-Control-Allow-Origin: ")
        fields.append(origin)
        fields.append("\r\nAccess-Control-Allow-Credentials: true\r\nVary: Origin\r\n")
        return fields.array
    }

    static func preflightFields(_ head: RequestHead) -> [UInt8] {
        var fields = ByteWriter()
        originFields(head).withUnsafeBytes { fields.append($0) }
        fields.append("Access-Control-Allow-Methods: GET, POST, OPTIONS\r\nAccess-Control-Max-Age: 300\r\n")
        if let wanted = head.header("access-control-request-headers") {
            fields.append("Access-Control-Allow-Headers: ")
            fields.append(wanted)
            fields.append("\r\n")
        }
        return fields.array
    }
}

extension ByteWriter {
    /// `{"error":{"code":…,"message":"…"}}`
    mutating func appendError(status: Int, _ message: String) {
        append("{\"error\":{\"code\":")
        appendDecimal(status)
        append(",\"message\":")
        _ = appendJSONString(Array(message.utf8))
        append("}}")
    }
}
