package import PharosBytes
package import PharosDomain

/// `snapshot`: the connected clients and their channels, as the event log has them.
package struct APISnapshot: Equatable, Sendable {
    /// Clients of one page at most.
    package static let limitRange = 1...10_000
    /// Where the request names no limit.
    package static let usualLimit = 1_000

    /// `next_cursor` of the page before; "" the first page.
    package var cursor = ""
    package var limit = APISnapshot.usualLimit

    package init() {}

    /// An empty body asks for the first page.
    /// - Throws: code 107, naming the field at fault.
    package init(body: UnsafeRawBufferPointer) throws(ReplyError) {
        self.init()
        guard !body.isEmpty else { return }
        var scanner = JSONScanner(body)
        self = try APISnapshot.decode(&scanner)
        try scanner.finishAPIBody()
    }
}

extension APISnapshot: ServerVerb {
    package typealias Output = PresenceSnapshot

    package static var name: MethodName { "snapshot" }

    package static var documentation: VerbDocumentation {
        let client = [
            APIField("client", .text("Its id.")), APIField("user", .text("")), APIField("transport", .text("")),
            APIField("channels", .list(.text(""), "Those it is subscribed to."), required: true),
            APIField("connected_at", .integer("Seconds since 1970.", minimum: 0)),
        ]
        return VerbDocumentation(
            "Who is connected and where they are, page by page",
            request: [
                APIField("cursor", .text("`next_cursor` of the page before; empty: the first page.")),
                APIField("limit", .integer("Clients of one page; 0: 1000.", minimum: 0, maximum: 10_000)),
            ],
            result: [
                APIField(
                    "sequence", .integer("Of the newest event that the page contains.", minimum: 0), required: true),
                APIField("clients", .list(.reference("ConnectedClient"), "One page of them."), required: true),
                APIField("next_cursor", .text("Empty: this was the last page."), required: true),
            ],
            schemas: [NamedSchema("ConnectedClient", "One connection, and where it is.", client)])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APISnapshot {
        var snapshot = try scanner.apiFields(APISnapshot.self)
        if snapshot.limit == 0 { snapshot.limit = APISnapshot.usualLimit }
        snapshot.limit = min(snapshot.limit, APISnapshot.limitRange.upperBound)
        return snapshot
    }
}

extension APISnapshot: JSONMessage {
    static var withoutFields: APISnapshot { APISnapshot() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "cursor": cursor = try scanner.stringField()
        case "limit":
            limit = try scanner.integerField()
            guard limit >= 0 else { throw MalformedFrame(reason: "must not be negative") }
        default: try scanner.skipValue()
        }
    }
}

extension PresenceSnapshot: VerbResult {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonName("sequence")
        writer.appendDecimal(sequence)
        writer.jsonField("clients", list: clients) { client, writer in
            writer.jsonField("client", string: client.client)
            writer.jsonField("user", string: client.user)
            writer.jsonField("transport", string: client.transport)
            writer.beginJSONArray("channels")
            for channel in client.channels {
                writer.nextJSONElement()
                writer.appendJSONString(channel)
            }
            writer.endJSONArray()
            writer.jsonField("connected_at", signed: client.connectedAtMs / 1_000)
        }
        writer.jsonName("next_cursor")
        writer.appendJSONString(nextCursor)
    }
}
