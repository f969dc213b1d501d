import CPharosSys
import PharosBytes
import PharosDomain
import PharosMemory

/// Presence over all nodes, for one relay.
///
/// Members live in the memory of the node that they are connected to, and nothing is written for them anywhere else.
/// Questions go to all nodes. A node that does not answer in time makes the answer a partial one.
final class ClusterPresence: PresenceStore {
    /// How long other nodes may take, in milliseconds.
    private static let answerTimeMs: Int64 = 3_000

    private let local: MemoryPresence
    private let messages: any NodeMessages
    private let inbox: Inbox
    private let post: (ShardMail, Int) -> Void

    private final class Inbox: Sendable {
        private let answers = Locked<[PresenceAnswer]>([])
        private let wake: @Sendable () -> Void

        init(_ wake: @escaping @Sendable () -> Void) { self.wake = wake }

        func add(_ answer: PresenceAnswer) {
            let wasEmpty = answers.withLock { answers in
                answers.append(answer)
                return answers.count == 1
            }
            if wasEmpty { wake() }
        }

        func take() -> [PresenceAnswer] {
            answers.withLock { answers in
                defer { answers = [] }
                return answers
            }
        }
    }

    /// Makes the presence of one relay.
    ///
    /// - Parameter wake: called when there is something to collect, on any thread, once until it is collected.
    init(_ local: MemoryPresence, _ node: NodeContext, wake: @escaping @Sendable () -> Void) {
        self.local = local
        messages = node.messages
        post = { [unowned node] in node.post($0, to: $1) }
        inbox = Inbox(wake)
    }

    func add(_ member: ClientInfo, to channel: ChannelName) { local.add(member, to: channel) }

    func remove(client: ClientName, from channel: ChannelName) { local.remove(client: client, from: channel) }

    func ask(
        _ question: PresenceQuestion, of channel: ChannelName, ticket: UInt64, into answers: inout [PresenceAnswer]
    ) {
        let members = local.members(of: channel)
        let inbox = inbox
        let command: ControlCommand = question == .members ? .members(channel) : .memberCounts(channel)
        let asker = NodeAsker.closure { others in
            inbox.add(ClusterPresence.answer(question, members, others, ticket: ticket))
        }
        messages.ask(
            command, of: .others, deadlineMs: pharos_monotonic_ms() + ClusterPresence.answerTimeMs, for: asker,
            post: post)
    }

    private static func answer(
        _ question: PresenceQuestion, _ members: [ClientName: ClientInfo], _ others: NodeAnswers, ticket: UInt64
    ) -> PresenceAnswer {
        let isPartial = !others.missing.isEmpty
        let value: PresenceAnswer.Value
        switch (question, others.answer) {
        case (.members, .members(let more)): value = .members(members.merging(more) { $1 })
        case (.members, _): value = .members(members)
        case (.stats, .memberCounts(let clients, let users)):
            let all = users.union(members.values.map(\.user))
            value = .stats(clients: members.count + clients, users: all.count)
        case (.stats, _):
            value = .stats(clients: members.count, users: Set(members.values.map(\.user)).count)
        }
        return PresenceAnswer(ticket: ticket, result: .success(value), isPartial: isPartial)
    }

    func collect(into answers: inout [PresenceAnswer]) { answers += inbox.take() }

    var channelCount: Int { local.channelCount }
}
