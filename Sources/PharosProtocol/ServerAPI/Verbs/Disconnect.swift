package import PharosDomain

/// `disconnect`: connections end.
package struct APIDisconnect: Equatable, Sendable {
    package var user: UserID = ""
    package var client: ClientName = ""
    package var session: SessionKey = ""
    /// Every subscriber of it.
    package var channel: ChannelName = ""
    package var all = false
    /// Ids of clients that stay connected.
    ///
    /// `exclude` is the name that the other verbs have for the same.
    package var whitelist: [ClientName] = []
    package var exclude: Set<ClientID> = []
    /// A code that a WebSocket close frame may carry, 3000 to 4999.
    package var disconnect = Disconnect.forceDisconnect

    package init() {}
}

extension APIDisconnect {
    package var target: APITarget {
        var target = APITarget()
        (target.user, target.client, target.session, target.channel) = (user, client, session, channel)
        target.all = all
        target.exclude = exclude.union(whitelist.compactMap { ClientID($0) })
        return target
    }
}

extension APIDisconnect: PlannedVerb {
    package typealias Output = NoResult

    package static var name: MethodName { "disconnect" }

    package static var documentation: VerbDocumentation {
        let reason = APISchema.object(
            [
                APIField("code", .integer("WebSocket close code.", minimum: 0, maximum: 4_999)),
                APIField("reason", .text("")),
            ], "Code and reason that the client gets; 3503 if absent.")
        return VerbDocumentation(
            "End connections: of a user, of a channel's subscribers, of everybody",
            request: [
                .user, .subscribersOf, .everybody, .exclude, APIField("disconnect", reason), .client,
                APIField("whitelist", .list(.text(""), "Client ids to spare.")), .session,
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIDisconnect {
        let disconnect = try scanner.apiFields(APIDisconnect.self)
        try disconnect.target.required("client, session, user, channel, all")
        try disconnect.target.checkAll()
        return disconnect
    }

    package var route: VerbRoute { .allShards }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        if !channel.isEmpty { _ = try rules.resolve(channel) }
        return .one(.disconnect(self))
    }
}

extension APIDisconnect: JSONMessage {
    static var withoutFields: APIDisconnect { APIDisconnect() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "user": user = try scanner.stringField()
        case "client": client = try scanner.stringField()
        case "session": session = try scanner.stringField()
        case "channel": channel = try scanner.stringField()
        case "all": all = try scanner.boolField()
        case "exclude": exclude = try scanner.excludeField()
        case "whitelist": whitelist = try scanner.stringListField()
        case "disconnect":
            guard let end = try scanner.optionalMessage(JSONEnd.self) else { return }
            guard end.code == 0 || (3000...4999).contains(end.code) else {
                throw MalformedFrame(reason: "code must be from 3000 to 4999")
            }
            disconnect = .forceDisconnect
            if end.code != 0 { disconnect = Disconnect(code: end.code, reason: "") }
            if !end.reason.isEmpty { disconnect.reason = end.reason }
        default: try scanner.skipValue()
        }
    }
}
