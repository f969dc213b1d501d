package import PharosDomain

/// Presence in this process's memory, for one relay.
///
/// Every question is answered inside the call. Members need no leases: they go with their connections, and both go with
/// the process.
package final class MemoryPresence: PresenceStore {
    private var members = MemoryPresenceStore()

    package init() {}

    package func add(_ member: ClientInfo, to channel: ChannelName) { members.add(member, to: channel) }

    package func remove(client: ClientName, from channel: ChannelName) {
        members.remove(client: client, from: channel)
    }

    package func ask(
        _ question: PresenceQuestion, of channel: ChannelName, ticket: UInt64, into answers: inout [PresenceAnswer]
    ) {
        switch question {
        case .members:
            answers.append(PresenceAnswer(ticket: ticket, result: .success(.members(members.members(of: channel)))))
        case .stats:
            let (clients, users) = members.stats(of: channel)
            answers.append(PresenceAnswer(ticket: ticket, result: .success(.stats(clients: clients, users: users))))
        }
    }

    /// By client id.
    package func members(of channel: ChannelName) -> [ClientName: ClientInfo] { members.members(of: channel) }

    package func collect(into answers: inout [PresenceAnswer]) {}

    package var channelCount: Int { members.channelCount }
}
