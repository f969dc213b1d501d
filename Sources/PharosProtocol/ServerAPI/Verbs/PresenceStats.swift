package import PharosBytes
package import PharosDomain

/// `presence_stats`: how many clients and users are in a channel.
package struct APIPresenceStats: PlannedVerb {
    package var channel: ChannelName

    package init(channel: ChannelName) { self.channel = channel }

    package struct Output: VerbResult {
        package var clients: UInt32
        package var users: UInt32
    }

    package static var name: MethodName { "presence_stats" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "How many are subscribed to a channel", request: [.channel],
            result: [
                APIField("num_clients", .integer("", minimum: 0), required: true),
                APIField("num_users", .integer("", minimum: 0), required: true),
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIPresenceStats {
        APIPresenceStats(channel: try scanner.apiChannel())
    }

    package var route: VerbRoute { .owner(of: channel) }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        guard try rules.resolve(channel).options.presence else { throw .notAvailable }
        return .one(.memberCounts(channel))
    }
}

extension APIPresenceStats.Output {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonCount("num_clients", UInt64(clients))
        writer.jsonCount("num_users", UInt64(users))
    }
}
