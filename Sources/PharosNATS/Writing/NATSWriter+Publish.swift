import PharosBytes

extension NATSWriter {
    /// PUB, or HPUB if there are headers.
    package mutating func publish(
        _ payload: UnsafeRawBufferPointer, to subject: String, reply: String? = nil,
        headers: NATSHeaders = NATSHeaders()
    ) throws(NATSOrderError) {
        guard NATSSubject.isPublishable(subject) else { throw .invalidSubject }
        if let reply, !NATSSubject.isPublishable(reply) { throw .invalidSubject }
        guard !headers.isMalformed else { throw .invalidHeader }
        let start = bytes.count
        let headerBytes = headers.isEmpty ? 0 : headers.blockBytes
        if headerBytes > 0 {
            bytes.append("HPUB " as StaticString)
        } else {
            bytes.append("PUB " as StaticString)
        }
        bytes.append(subject)
        if let reply { appendArgument(reply) }
        if headerBytes > 0 { appendNumber(UInt64(headerBytes)) }
        appendNumber(UInt64(headerBytes + payload.count))
        try endLine(from: start)
        bytes.reserve(headerBytes + payload.count + 2)
        if headerBytes > 0 { headers.append(to: &bytes) }
        bytes.append(payload)
        appendLineEnd()
    }

    /// The same for an array.
    package mutating func publish(
        _ payload: [UInt8], to subject: String, reply: String? = nil, headers: NATSHeaders = NATSHeaders()
    ) throws(NATSOrderError) {
        let span = payload.span
        try span.withUnsafeBytes { (payload) throws(NATSOrderError) in
            try publish(payload, to: subject, reply: reply, headers: headers)
        }
    }
}

extension NATSHeaders {
    /// The size of the whole block on the wire.
    var blockBytes: Int { 8 + statusLine.utf8.count + 2 + lines.count + 2 }

    /// The part of the first line behind the version.
    private var statusLine: String {
        guard let status else { return "" }
        return statusText.isEmpty ? " \(status)" : " \(status) \(statusText)"
    }

    func append(to bytes: inout ByteWriter) {
        bytes.append("NATS/1.0" as StaticString)
        bytes.append(statusLine)
        bytes.append("\r\n" as StaticString)
        bytes.append(lines)
        bytes.append("\r\n" as StaticString)
    }
}
