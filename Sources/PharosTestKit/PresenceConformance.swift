package import PharosDomain

/// The guarantees of every presence store.
///
/// A store's tests go through all of these, each with a fresh store.
package enum PresenceConformance: String, CaseIterable, Sendable {
    case membersAreThoseThatCameAndStayed
    case aMemberThatComesAgainReplacesItself
    case usersCountOnce
    case channelsAreSeparate
    case everyQuestionIsAnsweredOnce

    /// Checks one guarantee on a fresh store.
    ///
    /// Throws `ConformanceFailure`.
    package func check(_ store: any PresenceStore) throws {
        switch self {
        case .membersAreThoseThatCameAndStayed:
            for name in ["c1", "c2", "c3"] { store.add(member("ann", name), to: "a") }
            store.remove(client: "c2", from: "a")
            store.remove(client: "unknown", from: "a")
            try require(try members(of: "a", store), is: ["c1", "c3"], "members")
            for name in ["c1", "c3"] { store.remove(client: ClientName(name), from: "a") }
            try require(try members(of: "a", store), is: [], "members of an empty channel")
            try require(store.channelCount, is: 0, "channels that are kept")
        case .aMemberThatComesAgainReplacesItself:
            store.add(member("ann", "c1"), to: "a")
            var again = member("ann", "c1")
            again.channelInfo = [7]
            store.add(again, to: "a")
            guard case .members(let found) = try ask(.members, of: "a", store) else {
                throw ConformanceFailure(description: "members were answered with something else")
            }
            try require(found, is: ["c1": again], "members")
            try require(try ask(.stats, of: "a", store), is: .stats(clients: 1, users: 1), "counts")
        case .usersCountOnce:
            store.add(member("ann", "c1"), to: "a")
            store.add(member("ann", "c2"), to: "a")
            store.add(member("bob", "c3"), to: "a")
            try require(try ask(.stats, of: "a", store), is: .stats(clients: 3, users: 2), "counts")
            store.remove(client: "c1", from: "a")
            try require(try ask(.stats, of: "a", store), is: .stats(clients: 2, users: 2), "counts after one has gone")
        case .channelsAreSeparate:
            store.add(member("ann", "c1"), to: "a")
            try require(try members(of: "b", store), is: [], "members of another channel")
            store.remove(client: "c1", from: "b")
            try require(try members(of: "a", store), is: ["c1"], "members")
        case .everyQuestionIsAnsweredOnce:
            var answers: [PresenceAnswer] = []
            for ticket in 1...50 {
                let question: PresenceQuestion = ticket % 2 == 0 ? .members : .stats
                store.ask(question, of: "a", ticket: UInt64(ticket), into: &answers)
            }
            store.collect(into: &answers)
            try require(answers.map(\.ticket).sorted(), is: Array(1...50), "the tickets of the answers")
        }
    }

    private func member(_ user: UserID, _ client: String) -> ClientInfo {
        ClientInfo(user: user, client: ClientName(client))
    }

    private func members(of channel: ChannelName, _ store: any PresenceStore) throws -> [ClientName] {
        guard case .members(let found) = try ask(.members, of: channel, store) else {
            throw ConformanceFailure(description: "members were answered with something else")
        }
        return found.keys.sorted()
    }

    private func ask(
        _ question: PresenceQuestion, of channel: ChannelName, _ store: any PresenceStore
    ) throws -> PresenceAnswer.Value {
        var answers: [PresenceAnswer] = []
        store.ask(question, of: channel, ticket: 7, into: &answers)
        if answers.isEmpty { store.collect(into: &answers) }
        try require(answers.map(\.ticket), is: [7], "the ticket of the answer")
        return try answers[0].result.get()
    }
}
