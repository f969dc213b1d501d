package import PharosBytes
package import PharosDomain

/// `publish`: one publication into one channel.
package struct APIPublish: Equatable, Sendable {
    /// Never empty, except in the template of a broadcast.
    package var channel: ChannelName = ""
    package var data: [UInt8] = []
    /// Whether `data` may go to clients that speak JSON.
    package var dataIsJSON = false
    package var skipHistory = false
    package var tags: [TagKey: String] = [:]
    /// A repeat under the same key gets the first result for a while; "" none.
    package var idempotencyKey: IdempotencyKey = ""
    package var delta = false
    /// A version that is not above the stored one suppresses the publication; 0 none.
    package var version: UInt64 = 0
    package var versionEpoch: Epoch = ""
    /// The client that does not get it live: its publisher, for example.
    package var excludeClient: ClientID?

    package init() {}
}

extension APIPublish: ShardVerb {
    package typealias Output = StreamPosition

    package static var name: MethodName { "publish" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "Publish into one channel", request: [.channel] + content, needsOneOf: ["data", "b64data"],
            result: [
                APIField("offset", .integer("Position in the channel's stream; absent without history.", minimum: 0)),
                APIField("epoch", .text("Epoch of the stream; absent without history.")),
            ])
    }

    /// The fields that a broadcast has as well.
    static let content: [APIField] = [
        APIField("data", .any("Any JSON: what subscribers receive. This or `b64data`.")),
        APIField("b64data", .base64("The data as base64, for channels whose data is binary.")),
        APIField("skip_history", .boolean("Deliver without storing.")),
        APIField("tags", .map(.text(""), "Short texts that travel with the publication.")),
        APIField("idempotency_key", .text("A repeat with the same key returns the stored result.")),
        APIField("delta", .boolean("Offer deltas to subscribers that agreed to them.")),
        APIField("version", .integer("A version that is not greater than the last one is suppressed.", minimum: 0)),
        APIField("version_epoch", .text("Versions of another epoch start anew.")),
        APIField("exclude_client", .text("Client id of a connection that does not get it live: its publisher's.")),
    ]

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIPublish {
        let publish = try scanner.apiFields(APIPublishFields.self).request()
        try publish.channel.required("channel")
        guard !publish.data.isEmpty else { throw .badRequest("data is required") }
        return publish
    }

    package var request: APIRequest { .publish(self) }
    package var route: VerbRoute { .owner(of: channel) }
}

struct APIPublishFields: JSONMessage {
    private var fields = APIPublish()
    private var payload = APIPayload()
    static var withoutFields: APIPublishFields { APIPublishFields() }

    consuming func request() -> APIPublish {
        fields.data = payload.bytes
        fields.dataIsJSON = payload.isJSON
        return fields
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": fields.channel = try scanner.stringField()
        default: try readShared(field, from: &scanner)
        }
    }

    /// The fields that a broadcast has as well.
    mutating func readShared(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": try payload.readJSON(&scanner)
        case "b64data": try payload.readBase64(&scanner)
        case "skip_history": fields.skipHistory = try scanner.boolField()
        case "tags": fields.tags = try scanner.stringMapField()
        case "idempotency_key": fields.idempotencyKey = try scanner.stringField()
        case "delta": fields.delta = try scanner.boolField()
        case "version": fields.version = try scanner.integerField()
        case "version_epoch": fields.versionEpoch = try scanner.stringField()
        case "exclude_client": fields.excludeClient = try scanner.clientField()
        default: try scanner.skipValue()
        }
    }
}

extension StreamPosition: VerbResult {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonField("offset", unsigned: offset)
        writer.jsonField("epoch", string: epoch)
    }
}
