package import PharosBytes
package import PharosDomain

/// `history`: the publications that a channel has kept.
package struct APIHistory: Equatable, Sendable {
    package var channel: ChannelName = ""
    /// 0: position only. Negative: as many as allowed.
    package var limit: Int32 = 0
    /// Exclusive.
    package var since: StreamPosition?
    package var reverse = false

    package init() {}
}

extension APIHistory: PlannedVerb {
    package typealias Output = StreamRead

    package static var name: MethodName { "history" }

    package static var documentation: VerbDocumentation {
        let offset = APIField("offset", .integer("", minimum: 0))
        let publication = [
            APIField("data", .any("")), APIField("info", .reference("ClientInfo")), offset,
            APIField("tags", .map(.text(""), "")),
        ]
        return VerbDocumentation(
            "Publications of a channel's stream",
            request: [
                .channel,
                APIField("limit", .integer("0: the position alone; -1: all that the server allows.", minimum: -1)),
                APIField("since", .reference("StreamPosition")),
                APIField("reverse", .boolean("Newest first.")),
            ],
            result: [
                APIField("publications", .list(.reference("Publication"), "In order."), required: true),
                APIField("epoch", .text(""), required: true),
                APIField("offset", .integer("Of the newest publication.", minimum: 0), required: true),
            ],
            schemas: [
                NamedSchema(
                    "StreamPosition", "A position in a channel's stream.", [offset, APIField("epoch", .text(""))]),
                NamedSchema("Publication", "One message of a channel.", publication),
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIHistory {
        let history = try scanner.apiFields(APIHistory.self)
        try history.channel.required("channel")
        return history
    }

    package var route: VerbRoute { .owner(of: channel) }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        let options = try rules.resolve(channel).options
        guard options.hasHistory else { throw .notAvailable }
        return .one(.read(self, options))
    }
}

extension APIHistory: JSONMessage {
    static var withoutFields: APIHistory { APIHistory() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        case "limit": limit = try scanner.integerField()
        case "since": since = try scanner.optionalMessage()
        case "reverse": reverse = try scanner.boolField()
        default: try scanner.skipValue()
        }
    }
}

extension StreamRead: VerbResult {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonField("publications", list: publications) { publication, writer in
            writer.jsonField("data", apiPayload: publication.data)
            if let info = publication.info {
                writer.jsonName("info")
                writer.appendAPIClient(info)
            }
            writer.jsonField("offset", unsigned: publication.offset)
            writer.jsonField("tags", map: publication.tags)
            writer.jsonField("time", signed: publication.timeMs)
        }
        writer.jsonText("epoch", top.epoch)
        writer.jsonCount("offset", top.offset)
    }
}
