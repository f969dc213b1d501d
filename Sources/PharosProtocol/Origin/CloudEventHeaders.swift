package import PharosBytes
package import PharosDomain

/// Writes the attributes of one CloudEvent as header fields.
///
/// That is the CloudEvents HTTP binding 1.0 in its binary content mode.
package struct CloudEventHeaders: Sendable {
    private let constant: [UInt8]

    package init(node: String) {
        var writer = ByteWriter()
        OriginRequestWriter.append("ce-specversion", "1.0", into: &writer)
        OriginRequestWriter.append("ce-source", PercentEncoding.headerValue("/pharos/\(node)"), into: &writer)
        constant = writer.array
    }

    /// A question: who asks and, if it is about one, which channel.
    package func append(_ request: HookRequest, id: String, nowMs: Int64, into writer: inout ByteWriter) {
        append(id: id, type: CloudEventType.asked(request.question.kind), nowMs: nowMs, into: &writer)
        attribute("ce-subject", request.client.text, into: &writer)
        attribute("ce-user", request.user.text, into: &writer)
        switch request.question {
        case .subscribe(let channel, _, _), .publish(let channel, _), .subRefresh(let channel):
            attribute("ce-channel", channel.text, into: &writer)
        default: break
        }
    }

    /// An event of a raw connection.
    ///
    /// Its id names connection and position, so that a signature covers them.
    package func append(_ event: RawEvent, id: String, nowMs: Int64, into writer: inout ByteWriter) {
        append(id: id, type: CloudEventType.raw(event.kind), nowMs: nowMs, into: &writer)
        attribute("ce-subject", event.connection.text, into: &writer)
        attribute("ce-sequence", String(event.sequence), into: &writer)
    }

    private func append(id: String, type: String, nowMs: Int64, into writer: inout ByteWriter) {
        writer.append(constant)
        attribute("ce-id", id, into: &writer)
        attribute("ce-type", type, into: &writer)
        attribute("ce-time", RFC3339.text(ms: nowMs), into: &writer)
    }

    private func attribute(_ name: FieldName, _ value: String, into writer: inout ByteWriter) {
        guard !value.isEmpty else { return }
        OriginRequestWriter.append(name, PercentEncoding.headerValue(value), into: &writer)
    }
}
