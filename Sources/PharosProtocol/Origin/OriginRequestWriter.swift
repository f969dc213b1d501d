package import PharosBytes
package import PharosDomain

/// Writes the heads of requests to one origin (RFC 9112).
///
/// Nothing that a client sent can break out of its field.
package struct OriginRequestWriter: Sendable {
    /// The request line and the fields that every request has.
    private let beginning: [UInt8]
    /// Names of the operator's own fields, which clients cannot replace.
    private let ownNames: Set<FieldName>

    /// - Parameters:
    ///   - target: path and query of the origin's address.
    ///   - staticHeaders: may name another `host`; fields that frame the message are left out.
    package init(method: String, target: String, authority: String, staticHeaders: [FieldName: String]) {
        var own: [FieldName: String] = [:]
        for (name, value) in staticHeaders { own[name.asciiLowercased] = value }
        var writer = ByteWriter()
        writer.append("\(method) \(target) HTTP/1.1\r\n")
        OriginRequestWriter.append("host", own.removeValue(forKey: "host") ?? authority, into: &writer)
        if own["user-agent"] == nil { own["user-agent"] = "pharos/\(PharosVersion.current)" }
        own = own.filter { !OriginRequestWriter.isReserved($0.key) }
        for (name, value) in own.sorted(by: { $0.key < $1.key }) {
            OriginRequestWriter.append(name, value, into: &writer)
        }
        beginning = writer.array
        ownNames = Set(own.keys)
    }

    package func begin(into writer: inout ByteWriter) { writer.append(beginning) }

    /// The last fields and the end of the head.
    package func end(contentLength: Int, into writer: inout ByteWriter) {
        writer.append("content-length: " as StaticString)
        writer.appendDecimal(contentLength)
        writer.append("\r\n\r\n" as StaticString)
    }

    /// Appends one field.
    ///
    /// A value or a name that could end it early is left out: no part of it is worth sending.
    package static func append(_ name: FieldName, _ value: String, into writer: inout ByteWriter) {
        guard !name.isEmpty, name.utf8.allSatisfy(HTTPField.isToken), value.utf8.allSatisfy(HTTPField.isValue) else {
            return
        }
        writer.append(name)
        writer.append(": " as StaticString)
        writer.append(value)
        writer.append("\r\n" as StaticString)
    }

    /// Appends the known facts of a client's request, as fields.
    ///
    /// They have their own names and names under `x-pharos-`.
    ///
    /// - Parameter emulated: headers from within a connect command; those of the request itself count more.
    package func append(
        _ facts: RequestFacts, emulated: [FieldName: String] = [:], into writer: inout ByteWriter
    ) {
        let headers = emulated.isEmpty ? facts.headers : emulated.merging(facts.headers) { $1 }
        for (name, value) in headers.sorted(by: { $0.key < $1.key })
        where !OriginRequestWriter.isReserved(name) && !ownNames.contains(name) {
            OriginRequestWriter.append(name, value, into: &writer)
        }
        if headers["cookie"] == nil, !ownNames.contains("cookie") { appendCookies(facts.cookies, into: &writer) }
        appendOwn("x-pharos-method", facts.method, into: &writer)
        appendOwn("x-pharos-path", facts.path, into: &writer)
        appendOwn("x-pharos-query", OriginRequestWriter.query(facts.query), into: &writer)
        appendOwn("x-pharos-client-address", facts.address, into: &writer)
    }

    private func appendOwn(_ name: FieldName, _ value: String, into writer: inout ByteWriter) {
        if !value.isEmpty { OriginRequestWriter.append(name, value, into: &writer) }
    }

    /// `cookie: a=1; b=2` (RFC 6265, section 5.4).
    private func appendCookies(_ cookies: [FieldName: String], into writer: inout ByteWriter) {
        let pairs = cookies.sorted { $0.key < $1.key }.filter { name, value in
            !name.utf8.contains { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: "=") }
                && !value.utf8.contains(UInt8(ascii: ";"))
        }
        guard !pairs.isEmpty else { return }
        OriginRequestWriter.append("cookie", pairs.map { "\($0)=\($1)" }.joined(separator: "; "), into: &writer)
    }

    /// Percent-encoded, in the order of the names.
    private static func query(_ parameters: [FieldName: String]) -> String {
        parameters.sorted { $0.key < $1.key }
            .map { PercentEncoding.component($0.key.text) + "=" + PercentEncoding.component($0.value) }
            .joined(separator: "&")
    }

    /// Whether a field of the client's must not be passed on.
    ///
    /// These are fields of one hop, of our own framing, and those by which an origin knows that Pharos itself is
    /// speaking.
    private static func isReserved(_ name: FieldName) -> Bool {
        switch name {
        case "host", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
            "accept-encoding", "http2-settings":
            true
        default:
            name.hasPrefix("content-") || name.hasPrefix("proxy-") || name.hasPrefix("sec-websocket-")
                || name.hasPrefix("ce-") || name.hasPrefix("webhook-") || name.hasPrefix("x-pharos-")
        }
    }
}
