import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Requests at the addresses where the application reaches raw connections.
///
/// These functions decide which requests are allowed, and how they are answered.
extension RawService {
    /// The decision about a request at one of these addresses; nil: none applies.
    ///
    /// It is nil if the request is at another address, or if there are no raw paths.
    func admitCall(_ id: ConnectionID, _ head: RequestHead, _ core: borrowing ShardCore, _ edge: borrowing Edge)
        -> HeadDecision?
    {
        guard !raw.paths.isEmpty, let path = RawServicePath(head.path) else { return nil }
        // A request with another method is answered with the list of the methods.
        guard path.form(method: head.method, reports: false) != nil else {
            return .read(limit: core.node.settings.edge.messageSizeLimit)
        }
        switch core.node.apiAccess.verdict(of: head, method: "send") {
        case .granted: return .read(limit: core.node.settings.api.maxBodySize, isTrusted: true)
        case .unauthorized:
            core.noteRefused(.apiKey, head.hasKey ? "wrong" : "missing", id, head, edge)
            return .refuse(status: 401, message: "unauthorized")
        case .forbidden:
            core.noteRefused(.apiKey, "scope", id, head, edge)
            return .refuse(status: 403, message: "this key may not send")
        }
    }

    /// true: the request was one of these, and is answered or will be.
    mutating func serveCall(
        _ id: ConnectionID, _ head: RequestHead, _ body: UnsafeRawBufferPointer, _ core: inout ShardCore,
        _ edge: inout Edge
    ) -> Bool {
        guard !raw.paths.isEmpty, let path = RawServicePath(head.path) else { return false }
        let prefer = head.header("prefer").map { FieldName(decoding: $0) } ?? ""
        let reports = Query.has("report", "1", in: head.query) || RawService.wantsReport(prefer)
        guard let form = path.form(method: head.method, reports: reports) else {
            let fields = Array("Allow: \(path.methods)\r\n".utf8)
            core.answer(id, 405, error: "method not allowed", fields: fields, &edge)
            return true
        }
        call(form, path.connection, body, query: head.query, caller: .http(id), &core, &edge)
        return true
    }

    /// The same for a request that came in outside the shards.
    mutating func serveCall(_ call: RawBackendCall, _ core: inout ShardCore, _ edge: inout Edge) {
        let path = Array(call.path.utf8).withUnsafeBytes { RawServicePath($0) }
        guard !raw.paths.isEmpty, let path else { return core.answer(call, .error(404, "not found")) }
        let reports =
            call.query.utf8.split(separator: UInt8(ascii: "&")).contains { $0.elementsEqual("report=1".utf8) }
            || RawService.wantsReport(FieldName(call.headers["prefer"] ?? ""))
        let form = Array(call.method.utf8).withUnsafeBytes { path.form(method: $0, reports: reports) }
        guard let form else { return core.answer(call, .error(405, "method not allowed")) }
        switch core.node.apiAccess.verdict(of: call, method: "send") {
        case .granted:
            let query = Array(call.query.utf8)
            query.withUnsafeBytes { query in
                call.body.withUnsafeBytes {
                    self.call(form, path.connection, $0, query: query, caller: .backend(call), &core, &edge)
                }
            }
        case .unauthorized: core.answer(call, .error(401, "unauthorized"))
        case .forbidden: core.answer(call, .error(403, "this key may not send"))
        }
    }

    /// `Prefer: return=representation` (RFC 7240, section 4.2).
    private static func wantsReport(_ prefer: FieldName) -> Bool {
        prefer.asciiLowercased.utf8.split(whereSeparator: { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: ";") })
            .contains { $0.filter { $0 != UInt8(ascii: " ") }.elementsEqual("return=representation".utf8) }
    }
}
