import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol
import Testing

@testable import PharosServices

/// The guarantees of `NodeMessages`, checked for a server that stands alone.
///
/// They are those of every implementation. The shards are the test's: it looks into their mailboxes and answers for them.
@Suite("messages between nodes")
struct NodeMessagesTests {
    private final class Rig {
        let mailboxes = (0..<3).map { _ in Mailbox<ShardMail>() }
        let here = NodeIncarnation(name: "n1", random: .max / 3)
        let messages: any NodeMessages
        private let answers = Locked<[NodeAnswers]>([])

        init() {
            messages = SingleNode(here, mailboxes: mailboxes) { client in client.low < 3 ? Int(client.low) : nil }
        }

        func ask(_ command: ControlCommand, of scope: NodeScope = .all, deadlineMs: Int64 = 100) {
            let answers = answers
            messages.ask(
                command, of: scope, deadlineMs: deadlineMs, for: .closure { got in answers.withLock { $0.append(got) } }
            ) { [mailboxes] in mailboxes[$1].post($0) }
        }

        /// The shards that were asked, in order; each answers.
        func answer(_ shards: ClosedRange<Int> = 0...2, with count: Int = 1) -> [Int] {
            var asked: [Int] = []
            for shard in shards {
                for mail in mailboxes[shard].take() {
                    guard case .control(_, let gathering) = mail else { continue }
                    asked.append(shard)
                    gathering.add(.channels(["a": count])) { _, _ in }
                }
            }
            return asked
        }

        /// The answers so far: the number, or the nodes that are missing.
        var heard: [String] {
            answers.withLock { $0 }.map { got in
                if case .channels(let counts)? = got.answer { return "\(counts["a"] ?? 0)" }
                return got.missing.isEmpty ? "none" : "missing \(got.missing.map(\.text).joined(separator: " "))"
            }
        }
    }

    @Test("every shard is asked, and their answers are one")
    func all() {
        let rig = Rig()
        rig.ask(.countSubscribers("a"))
        #expect(rig.answer(0...1) == [0, 1])
        #expect(rig.heard == [])
        #expect(rig.answer(2...2, with: 5) == [2])
        #expect(rig.heard == ["7"])
    }

    @Test("a client's node and shard alone are asked; an id that no node gave asks none")
    func client() {
        let rig = Rig()
        rig.ask(.countSubscribers("a"), of: .client(rig.here.clientID(random: 7, low: 1)))
        #expect(rig.answer() == [1])
        #expect(rig.heard == ["1"])
        // The same slot in an earlier incarnation of the node.
        let earlier = NodeIncarnation(name: "n1", random: .max / 5)
        rig.ask(.countSubscribers("a"), of: .client(earlier.clientID(random: 7, low: 1)))
        rig.ask(.countSubscribers("a"), of: .client(rig.here.clientID(random: 7, low: 9)))
        #expect(rig.answer() == [])
        #expect(rig.heard == ["1", "none", "none"])
    }

    @Test("a node that has not answered by the deadline is missing, and its late answer is ignored")
    func deadline() {
        let rig = Rig()
        rig.ask(.countSubscribers("a"), deadlineMs: 100)
        #expect(rig.answer(0...1) == [0, 1])
        rig.messages.tick(nowMs: 99)
        #expect(rig.heard == [])
        rig.messages.tick(nowMs: 100)
        #expect(rig.heard == ["missing n1"])
        #expect(rig.answer() == [2])
        rig.messages.tick(nowMs: 200)
        #expect(rig.heard == ["missing n1"])
    }

    @Test("a shard that has ended makes its node missing at once")
    func ended() {
        let rig = Rig()
        rig.ask(.countSubscribers("a"))
        #expect(rig.answer(0...1) == [0, 1])
        _ = rig.mailboxes[2].close()
        #expect(rig.heard == ["missing n1"])
    }

    @Test("a failure of one shard is the answer of all")
    func failure() {
        let rig = Rig()
        rig.ask(.countSubscribers("a"))
        for shard in 0..<3 {
            for case .control(_, let gathering) in rig.mailboxes[shard].take() {
                gathering.add(shard == 1 ? .failed(.unknownChannel) : .channels(["a": 1])) { _, _ in }
            }
        }
        #expect(rig.heard == ["none"])
    }

    @Test("a message without an answer reaches every shard of every node once")
    func send() {
        let rig = Rig()
        var reached: [Int] = []
        rig.messages.send(.disconnectOlder(user: "ann", sequence: 7), to: nil) { _, shard in reached.append(shard) }
        #expect(reached == [0, 1, 2])
        reached = []
        let other = NodeIncarnation(name: "n2", random: 1)
        rig.messages.send(.disconnectOlder(user: "ann", sequence: 7), to: other) { _, shard in reached.append(shard) }
        #expect(reached == [])
        #expect(rig.messages.nodes == [rig.here])
    }

    @Test("ids of clients name their incarnation")
    func incarnations() {
        let (one, other) = (NodeIncarnation(name: "n1", random: 1 << 41), NodeIncarnation(name: "n1", random: 1 << 60))
        var random = RandomPool()
        for _ in 0..<1_000 {
            let id = one.clientID(random: random.next(), low: random.next())
            #expect(one.gave(id))
            #expect(!other.gave(id))
        }
    }
}
