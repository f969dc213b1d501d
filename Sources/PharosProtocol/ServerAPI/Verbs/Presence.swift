package import PharosBytes
package import PharosDomain

/// `presence`: the clients that are in a channel.
package struct APIPresence: PlannedVerb {
    package var channel: ChannelName

    package init(channel: ChannelName) { self.channel = channel }

    package struct Output: VerbResult {
        /// By client id.
        package var members: [ClientName: ClientInfo]
    }

    package static var name: MethodName { "presence" }

    package static var documentation: VerbDocumentation {
        let info = [
            APIField("user", .text("")), APIField("client", .text("")),
            APIField("conn_info", .any("Of the connection.")), APIField("chan_info", .any("Of the subscription.")),
        ]
        return VerbDocumentation(
            "Who is subscribed to a channel", request: [.channel],
            result: [APIField("presence", .map(.reference("ClientInfo"), "By client id."), required: true)],
            schemas: [NamedSchema("ClientInfo", "Who is present, or who published.", info)])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIPresence {
        APIPresence(channel: try scanner.apiChannel())
    }

    package var route: VerbRoute { .owner(of: channel) }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        guard try rules.resolve(channel).options.presence else { throw .notAvailable }
        return .one(.members(channel))
    }
}

extension APIPresence.Output {
    package func encode(into writer: inout ByteWriter) {
        writer.beginJSONObject("presence")
        for (id, client) in members {
            writer.jsonKey(id)
            writer.appendAPIClient(client)
        }
        writer.endJSONObject()
    }
}
