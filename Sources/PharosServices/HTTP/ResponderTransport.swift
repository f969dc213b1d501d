import PharosBytes
import PharosEdge

/// Hands requests to the responder as values, and sends its answers.
///
/// An answer comes back to the shard as mail.
enum ResponderTransport {
    /// Bytes that the body of a request without a key may have.
    static var unkeyedBodyLimit: Int { 65_536 }

    /// Methods that are known; which of them a resource allows, its routes say.
    private static let methods: [StaticString] = [
        "GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE", "QUERY",
    ]

    /// Whether the responder is asked.
    ///
    /// A method that no part of this server implements is refused here (RFC 9110, section 9.1).
    static func admit(_ head: RequestHead) -> HeadDecision {
        let isKnown = methods.contains { method in
            head.method.elementsEqual(UnsafeBufferPointer(start: method.utf8Start, count: method.utf8CodeUnitCount))
        }
        guard isKnown else { return .refuse(status: 501, message: "this method is not implemented") }
        return .read(limit: unkeyedBodyLimit)
    }

    static func ask(
        _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        // About the server itself and no resource of it (RFC 9110, section 9.3.7).
        if head.target.elementsEqual("*".utf8) {
            return core.answer(id, 204, fields: Array("Allow: GET, HEAD, POST, OPTIONS\r\n".utf8), &edge)
        }
        guard let responder = core.node.responder else {
            return core.answer(id, 404, error: "not found", fields: [], &edge)
        }
        let isReserved = isReserved(head.path)
        let limits = core.node.responderPlaces
        guard limits.take(isReserved: isReserved) else {
            return core.answer(id, 503, error: "too many requests at a time", fields: [], &edge)
        }
        edge.park(id)
        let (node, index) = (core.node, core.index)
        responder.respond(to: ResponderRequest(head, body, isSecure: edge.isSecure(id))) { answer in
            limits.leave(isReserved: isReserved)
            node.post(.responded(id, answer), to: index)
        }
    }

    static func responded(_ id: ConnectionID, _ answer: ResponderAnswer, _ edge: inout Edge) {
        var fields = ByteWriter()
        for field in answer.fields where isSound(field.name) && isSound(field.value) {
            fields.append(field.name)
            fields.append(": ")
            fields.append(field.value)
            fields.append("\r\n")
        }
        fields.withBytes { fields in
            answer.body.withUnsafeBytes {
                edge.respond(id, status: answer.status, fields: fields, length: answer.length, body: $0)
            }
        }
    }

    private static func isReserved(_ path: UnsafeRawBufferPointer) -> Bool {
        path.elementsEqual("/health".utf8) || path.starts(with: "/health/".utf8) || path.elementsEqual("/metrics".utf8)
    }

    /// Whether a text can stand in a field line without ending it.
    private static func isSound(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}

extension ResponderRequest {
    init(_ head: RequestHead, _ body: UnsafeRawBufferPointer, isSecure: Bool) {
        var fields: [(name: String, value: String)] = []
        head.forEachHeader { name, value in
            fields.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
        }
        let path = String(decoding: head.path, as: UTF8.self)
        let query = String(decoding: head.query, as: UTF8.self)
        self.init(
            method: String(decoding: head.method, as: UTF8.self), target: query.isEmpty ? path : path + "?" + query,
            authority: String(decoding: head.authority, as: UTF8.self), fields: fields, body: Array(body),
            isSecure: isSecure)
    }
}
