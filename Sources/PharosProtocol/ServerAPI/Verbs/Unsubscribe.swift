package import PharosDomain

/// `unsubscribe`: subscriptions to a channel end.
package struct APIUnsubscribe: Equatable, Sendable {
    package var channel: ChannelName = ""
    package var user: UserID = ""
    package var client: ClientName = ""
    package var session: SessionKey = ""
    /// Every subscriber.
    package var all = false
    /// Clients that stay subscribed.
    package var exclude: Set<ClientID> = []

    package init() {}
}

extension APIUnsubscribe {
    /// The subscribers that are meant.
    package var target: APITarget {
        var target = APITarget()
        (target.user, target.client, target.session) = (user, client, session)
        target.all = all
        target.exclude = exclude
        return target
    }
}

extension APIUnsubscribe: PlannedVerb {
    package typealias Output = NoResult

    package static var name: MethodName { "unsubscribe" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "End subscriptions of a user, a connection or everybody",
            request: [.channel, .user, .client, .session, .everybody, .exclude])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIUnsubscribe {
        let unsubscribe = try scanner.apiFields(APIUnsubscribe.self)
        try unsubscribe.channel.required("channel")
        try unsubscribe.target.required("client, session, user, all")
        try unsubscribe.target.checkAll()
        return unsubscribe
    }

    package var route: VerbRoute { .allShards }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        _ = try rules.resolve(channel)
        return .one(.unsubscribe(self))
    }
}

extension APIUnsubscribe: JSONMessage {
    static var withoutFields: APIUnsubscribe { APIUnsubscribe() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        case "user": user = try scanner.stringField()
        case "client": client = try scanner.stringField()
        case "session": session = try scanner.stringField()
        case "all": all = try scanner.boolField()
        case "exclude": exclude = try scanner.excludeField()
        default: try scanner.skipValue()
        }
    }
}
