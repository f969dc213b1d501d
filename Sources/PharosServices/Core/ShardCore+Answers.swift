import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Answers to requests, and what their heads say.
extension ShardCore {
    // MARK: Cursors

    static let addressTooLong = ConversationRefusal.addressTooLong.message

    /// The number of channels that a cursor may name in a request like this one.
    ///
    /// The request with the cursor is otherwise like this one.
    func cursorRoom(_ head: RequestHead) -> Int { PositionCursor.room(in: cursorSpace(head)) }

    /// Bytes for a cursor in a request like this one, in a header or in the address.
    ///
    /// The request with the cursor is otherwise like this one. The bytes of a cursor that it has already are not
    /// counted.
    func cursorSpace(_ head: RequestHead) -> Int {
        // The parameter's or the field's name, and what separates it.
        let name = 24
        return min(node.settings.edge.headSizeLimit - head.length, RequestHead.targetLimit - head.target.count) - name
    }

    // MARK: Answers

    /// No intermediary may keep an answer for another request.
    static var noStore: UnsafeRawBufferPointer {
        let line: StaticString = "Cache-Control: no-store\r\n"
        return UnsafeRawBufferPointer(start: line.utf8Start, count: line.utf8CodeUnitCount)
    }

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

    /// Whether the limits allow one more request from the address of this one.
    ///
    /// If not, the request has been answered with 429.
    mutating func withinLimits(
        _ id: ConnectionID, _ head: RequestHead, _ originFields: [UInt8], _ edge: inout Edge
    ) -> Bool {
        guard node.rates.isActive, node.countsAddresses else { return true }
        if node.rates.take(address: clientAddress(id, head, edge), nowMs: edge.nowMs) { return true }
        // The edge says `Retry-After: 1`, and no limit is so low that one command would take longer.
        answer(id, 429, error: node.rates.error(.address).message, fields: originFields, &edge)
        return false
    }

    /// Answers with the head of a stream, unless there are too many connections.
    ///
    /// It is false if there are too many, and the request has been answered with the error.
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
        edge.beginStream(id, head: streamHead(contentType, originFields))
        return true
    }

    /// The field lines of an answer that does not end.
    func streamHead(_ contentType: StaticString, _ fields: [UInt8]) -> ByteWriter {
        var head = ByteWriter()
        head.append("Content-Type: ")
        head.append(contentType)
        head.append("\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n")
        head.append(fields)
        return head
    }

    // MARK: Other origins (Fetch standard, section 3.2)

    /// The field lines with which a page of an allowed origin can read the answer.
    ///
    /// Empty for requests without an origin.
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
