package import PharosDomain

/// `subscribe`: connections become subscribers of a channel.
package struct APISubscribe: Equatable, Sendable {
    package var channel: ChannelName = ""
    package var user: UserID = ""
    /// "" any connection of the user; the same for `session`.
    package var client: ClientName = ""
    package var session: SessionKey = ""
    package var options = SubscriptionOptions()
    /// Publications after this position are to reach the client.
    package var recoverSince: StreamPosition?

    package init() {}
}

extension APISubscribe {
    /// The connections that are to be subscribed.
    package var target: APITarget {
        var target = APITarget()
        (target.user, target.client, target.session) = (user, client, session)
        return target
    }
}

extension APISubscribe: PlannedVerb {
    package typealias Output = NoResult

    package static var name: MethodName { "subscribe" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "Subscribe connections of a user to a channel",
            request: [
                .channel, .user, .expireAt,
                APIField("info", .any("Shown as `chan_info`.")),
                APIField("b64info", .base64("The info as base64.")),
                .client,
                APIField("data", .any("Sent to the client with the subscription.")),
                APIField("b64data", .base64("The data as base64.")),
                APIField("recover_since", .reference("StreamPosition")),
                APIField("override", .map(.any(""), "Channel options that differ for this subscription.")),
                .session,
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APISubscribe {
        let subscribe = try scanner.apiFields(APISubscribeFields.self).request()
        try subscribe.channel.required("channel")
        try subscribe.target.required("client, session, user")
        return subscribe
    }

    package var route: VerbRoute { .allShards }
    package var namedChannel: ChannelName? { channel }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        _ = try rules.resolve(channel)
        return .one(.subscribe(self))
    }
}

struct APISubscribeFields: JSONMessage {
    private var fields = APISubscribe()
    private var info = APIPayload()
    private var data = APIPayload()
    static var withoutFields: APISubscribeFields { APISubscribeFields() }

    consuming func request() -> APISubscribe {
        fields.options.info = info.bytes
        fields.options.data = data.bytes
        return fields
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": fields.channel = try scanner.stringField()
        case "user": fields.user = try scanner.stringField()
        case "client": fields.client = try scanner.stringField()
        case "session": fields.session = try scanner.stringField()
        case "expire_at": fields.options.expireAt = try scanner.integerField()
        case "info": try info.readOptionalJSON(&scanner)
        case "b64info": try info.readBase64(&scanner)
        case "data": try data.readOptionalJSON(&scanner)
        case "b64data": try data.readBase64(&scanner)
        case "recover_since": fields.recoverSince = try scanner.optionalMessage()
        case "override": fields.options.override = try scanner.optionalMessage() ?? .withoutFields
        default: try scanner.skipValue()
        }
    }
}

extension SubscriptionOptions.Override: JSONMessage {
    static var withoutFields: SubscriptionOptions.Override { SubscriptionOptions.Override() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "presence": presence = try scanner.optionalMessage(BoxedBool.self)?.value
        case "join_leave": joinLeave = try scanner.optionalMessage(BoxedBool.self)?.value
        case "force_push_join_leave": forcePushJoinLeave = try scanner.optionalMessage(BoxedBool.self)?.value
        case "force_recovery": forceRecovery = try scanner.optionalMessage(BoxedBool.self)?.value
        case "force_positioning": forcePositioning = try scanner.optionalMessage(BoxedBool.self)?.value
        default: try scanner.skipValue()
        }
    }

    /// `{"value":true}`: false and absent are different things here.
    private struct BoxedBool: JSONMessage {
        var value = false
        static var withoutFields: BoxedBool { BoxedBool() }

        mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
            switch field {
            case "value": value = try scanner.boolField()
            default: try scanner.skipValue()
            }
        }
    }
}
