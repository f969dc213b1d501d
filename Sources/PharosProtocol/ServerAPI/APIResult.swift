import PharosBytes
package import PharosDomain

/// The result of a server API call that succeeded.
package enum APIResult: Sendable {
    /// Offset 0 and an empty epoch in channels without history.
    case publish(StreamPosition)
    /// In the order of the request's channels.
    case broadcast([Result<StreamPosition, ReplyError>])
    /// In the order of the commands.
    case batch([APIBatchReply])
    /// Of the verbs that only do something.
    case empty

    // MARK: Answers of a channel's owner

    /// By client id.
    case presence([ClientName: ClientInfo])
    case presenceStats(clients: UInt32, users: UInt32)
    case history(publications: [Publication], top: StreamPosition)

    // MARK: All others

    case value(any VerbResult)

    /// The same as the verb's own type of result.
    package var output: any VerbResult {
        switch self {
        case .publish(let position): position
        case .broadcast(let responses): APIBroadcast.Output(responses: responses)
        case .batch(let replies): APIBatch.Output(replies: replies)
        case .empty: NoResult()
        case .presence(let members): APIPresence.Output(members: members)
        case .presenceStats(let clients, let users): APIPresenceStats.Output(clients: clients, users: users)
        case .history(let publications, let top): StreamRead(top: top, publications: publications)
        case .value(let value): value
        }
    }

    func encode(into writer: inout ByteWriter) {
        // Without a box on the way to it.
        if case .publish(let position) = self { return position.encode(into: &writer) }
        output.encode(into: &writer)
    }
}

extension APIResult: Equatable {
    package static func == (left: APIResult, right: APIResult) -> Bool { left.output.isEqual(to: right.output) }
}
