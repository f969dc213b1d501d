package import PharosBytes
package import PharosDomain

/// `send`: a message to connections themselves, in no channel.
package struct APISend: Equatable, Sendable {
    package var target = APITarget()
    package var data: [UInt8] = []
    /// Whether `data` may go to clients that speak JSON.
    package var dataIsJSON = false

    package init() {}
}

extension APISend: PlannedVerb {
    package struct Output: VerbResult {
        /// Connections that it went to.
        package var delivered: Int
        /// Connections that speak JSON, where the message is none.
        package var undeliverable: Int
    }

    package static var name: MethodName { "send" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "Send a message to connections themselves, in no channel",
            request: [
                .client, .session, .user, .subscribersOf, .everybody, .exclude,
                APIField("data", .any("Any JSON: what the clients receive. This or `b64data`.")),
                APIField("b64data", .base64("The data as base64, for clients that speak Protobuf.")),
            ], needsOneOf: ["data", "b64data"],
            result: [
                APIField("delivered", .integer("Connections that it went to.", minimum: 0), required: true),
                APIField(
                    "undeliverable",
                    .integer("Connections that cannot carry it: they speak JSON, and it is none.", minimum: 0)),
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APISend {
        try scanner.apiFields(APISendFields.self).request()
    }

    package var route: VerbRoute { .allShards }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        if !target.channel.isEmpty { _ = try rules.resolve(target.channel) }
        return .one(.send(self))
    }
}

struct APISendFields: JSONMessage {
    private var target = APITarget()
    private var payload = APIPayload()
    static var withoutFields: APISendFields { APISendFields() }

    consuming func request() throws(ReplyError) -> APISend {
        try target.required("client, session, user, channel, all")
        try target.checkAll()
        guard !payload.bytes.isEmpty else { throw .badRequest("data is required") }
        var request = APISend()
        request.target = target
        request.data = payload.bytes
        request.dataIsJSON = payload.isJSON
        return request
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": try payload.readJSON(&scanner)
        case "b64data": try payload.readBase64(&scanner)
        case "user": target.user = try scanner.stringField()
        case "client": target.client = try scanner.stringField()
        case "session": target.session = try scanner.stringField()
        case "channel": target.channel = try scanner.stringField()
        case "all": target.all = try scanner.boolField()
        case "exclude": target.exclude = try scanner.excludeField()
        default: try scanner.skipValue()
        }
    }
}

extension APISend.Output {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonCount("delivered", UInt64(clamping: delivered))
        writer.jsonField("undeliverable", unsigned: UInt64(clamping: undeliverable))
    }
}

extension APIResult {
    package static func sent(delivered: Int, undeliverable: Int) -> APIResult {
        .value(APISend.Output(delivered: delivered, undeliverable: undeliverable))
    }
}
