package import PharosBytes
package import PharosDomain

/// `channels`: the channels with subscribers.
package struct APIChannels: Equatable, Sendable {
    /// A glob; "" all.
    package var pattern = ""
    /// Channels per page; 0 all.
    package var limit: Int32 = 0
    /// `next_cursor` of the page before; "" the first page.
    package var cursor = ""

    package init() {}
}

extension APIChannels: PlannedVerb {
    package struct Output: VerbResult {
        /// Subscriptions of each channel.
        package var channels: [ChannelName: Int]
        /// Empty on the last page.
        package var nextCursor: String
    }

    package static var name: MethodName { "channels" }

    package static var documentation: VerbDocumentation {
        let count = APISchema.object([APIField("num_clients", .integer("", minimum: 0), required: true)], "")
        return VerbDocumentation(
            "Channels with subscribers",
            request: [
                APIField("pattern", .text("A glob; empty: all.")),
                APIField("limit", .integer("Channels per page; 0 or absent: all.", minimum: 0)),
                APIField("cursor", .text("`next_cursor` of the page before.")),
            ],
            result: [APIField("channels", .map(count, "By name."), required: true), .nextCursor])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIChannels {
        try scanner.apiFields(APIChannels.self)
    }

    package var route: VerbRoute { .allShards }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan { .one(.listChannels(self)) }
}

extension APIChannels: JSONMessage {
    static var withoutFields: APIChannels { APIChannels() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "pattern": pattern = try scanner.stringField()
        case "limit":
            limit = try scanner.integerField()
            guard limit >= 0 else { throw MalformedFrame(reason: "must not be negative") }
        case "cursor": cursor = try scanner.stringField()
        default: try scanner.skipValue()
        }
    }
}

extension APIChannels.Output {
    package func encode(into writer: inout ByteWriter) {
        writer.beginJSONObject("channels")
        for (channel, clients) in channels {
            writer.jsonKey(channel)
            writer.beginJSONObject()
            writer.jsonCount("num_clients", UInt64(clamping: clients))
            writer.endJSONObject()
        }
        writer.endJSONObject()
        writer.jsonField("next_cursor", string: nextCursor)
    }
}

extension APIResult {
    package static func channels(_ channels: [ChannelName: Int], nextCursor: String) -> APIResult {
        .value(APIChannels.Output(channels: channels, nextCursor: nextCursor))
    }
}
