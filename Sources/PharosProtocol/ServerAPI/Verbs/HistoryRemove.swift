package import PharosDomain

/// `history_remove`: a channel forgets its publications; its positions go on.
package struct APIHistoryRemove: PlannedVerb {
    package typealias Output = NoResult

    package var channel: ChannelName

    package init(channel: ChannelName) { self.channel = channel }

    package static var name: MethodName { "history_remove" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation("Forget a channel's publications", request: [.channel])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIHistoryRemove {
        APIHistoryRemove(channel: try scanner.apiChannel())
    }

    package var route: VerbRoute { .owner(of: channel) }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        guard try rules.resolve(channel).options.hasHistory else { throw .notAvailable }
        return .one(.removeHistory(channel))
    }
}
