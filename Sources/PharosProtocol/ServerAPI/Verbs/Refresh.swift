package import PharosDomain

/// `refresh`: connections live longer, or expire now.
package struct APIRefresh: Equatable, Sendable {
    package var user: UserID = ""
    package var client: ClientName = ""
    package var session: SessionKey = ""
    /// The connection ends now.
    package var expired = false
    /// Seconds since 1970; 0 not given.
    package var expireAt: Int64 = 0
    /// Empty: not given.
    package var info: [UInt8] = []

    package init() {}
}

extension APIRefresh {
    package var target: APITarget {
        var target = APITarget()
        (target.user, target.client, target.session) = (user, client, session)
        return target
    }
}

extension APIRefresh: PlannedVerb {
    package typealias Output = NoResult

    package static var name: MethodName { "refresh" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "Extend or end the lifetime of connections",
            request: [
                .user, .client, APIField("expired", .boolean("Close them as expired.")), .expireAt,
                APIField("info", .any("New connection info.")),
                .session,
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIRefresh {
        let refresh = try scanner.apiFields(APIRefreshFields.self).request()
        try refresh.target.required("client, session, user")
        return refresh
    }

    package var route: VerbRoute { .allShards }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan { .one(.refresh(self)) }
}

struct APIRefreshFields: JSONMessage {
    private var fields = APIRefresh()
    private var info = APIPayload()
    static var withoutFields: APIRefreshFields { APIRefreshFields() }

    consuming func request() -> APIRefresh {
        fields.info = info.bytes
        return fields
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "user": fields.user = try scanner.stringField()
        case "client": fields.client = try scanner.stringField()
        case "session": fields.session = try scanner.stringField()
        case "expired": fields.expired = try scanner.boolField()
        case "expire_at": fields.expireAt = try scanner.integerField()
        case "info": try info.readOptionalJSON(&scanner)
        case "b64info": try info.readBase64(&scanner)
        default: try scanner.skipValue()
        }
    }
}
