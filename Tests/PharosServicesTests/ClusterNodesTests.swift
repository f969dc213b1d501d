import CPharosSys
import PharosBytes
import PharosCluster
import PharosDomain
import PharosEdge
import PharosProtocol
import Testing

@testable import PharosServices

/// A bus within the process: what one node sends, the others get at once.
private final class Wire: Sendable {
    private let receivers = Locked<[UInt64: @Sendable ([UInt8]) -> Void]>([:])
    private let cut = Locked<Set<UInt64>>([])

    func end(_ mark: UInt64) -> End { End(wire: self, mark: mark) }

    /// The node neither hears nor is heard.
    func cut(_ mark: UInt64, _ isCut: Bool) {
        cut.withLock { cut in if isCut { cut.insert(mark) } else { cut.remove(mark) } }
    }

    final class End: ClusterBus {
        let wire: Wire
        let mark: UInt64

        init(wire: Wire, mark: UInt64) {
            self.wire = wire
            self.mark = mark
        }

        func start(node: UInt64, receive: @escaping @Sendable ([UInt8]) -> Void) {
            wire.receivers.withLock { $0[node] = receive }
        }

        func send(_ message: [UInt8], to node: UInt64?) {
            let cut = wire.cut.withLock { $0 }
            guard !cut.contains(mark) else { return }
            let all = wire.receivers.withLock { $0 }
            for (other, receive) in all where other != mark && !cut.contains(other) && (node == nil || node == other) {
                receive(message)
            }
        }

        var isLinked: Bool { true }
    }
}

/// Nodes on one wire.
///
/// The shards are the test's, which looks into their mailboxes and answers for them.
@Suite("messages between several nodes")
struct ClusterNodesTests {
    private final class Node {
        let mailboxes = (0..<2).map { _ in Mailbox<ShardMail>() }
        let here: NodeIncarnation
        let messages: ClusterNodes
        let sequences = ConnectionSequences()
        private let answers = Locked<[NodeAnswers]>([])
        private let lists = Locked<[[UInt64]]>([])

        private let toldChannels = Locked<[String]>([])

        init(_ number: UInt64, _ wire: Wire, notesOccupancy: Bool = true) {
            here = NodeIncarnation(name: NodeName("n\(number)"), mark: number)
            let local = SingleNode(here, mailboxes: mailboxes) {
                $0.low < 2 ? Int($0.low) : nil
            } owner: { _ in
                1
            }
            let (lists, told) = (lists, toldChannels)
            let tell: @Sendable (ChannelName, Bool) -> Void = { channel, isOccupied in
                told.withLock { $0.append("\(channel) \(isOccupied ? "occupied" : "vacated")") }
            }
            messages = ClusterNodes(
                local: local, bus: wire.end(number), timing: ClusterNodes.Timing(heartbeatMs: 100, timeoutMs: 1_000),
                mailboxes: mailboxes, sequences: sequences, nowMs: 0, tellOccupancy: notesOccupancy ? tell : nil
            ) { nodes in lists.withLock { $0.append(nodes) } }
            messages.start()
        }

        // Mail that was not looked at holds its mailbox.
        deinit { for mailbox in mailboxes { _ = mailbox.close() } }

        func ask(_ command: ControlCommand, of scope: NodeScope = .all, deadlineMs: Int64 = .max / 2) {
            let answers = answers
            messages.ask(
                command, of: scope, deadlineMs: deadlineMs, for: .closure { got in answers.withLock { $0.append(got) } }
            ) { [mailboxes] in mailboxes[$1].post($0) }
        }

        /// Answers for this node's shards; the shards that were asked.
        func answer(_ answer: ControlAnswer = .channels(["a": 1])) -> [Int] {
            var asked: [Int] = []
            for shard in mailboxes.indices {
                for case .control(_, let gathering) in mailboxes[shard].take() {
                    asked.append(shard)
                    gathering.add(answer) { _, _ in }
                }
            }
            return asked
        }

        var heard: [String] {
            answers.withLock { $0 }.map { got in
                let missing = got.missing.isEmpty ? "" : " without \(got.missing.map(\.text).joined(separator: " "))"
                switch got.answer {
                case .channels(let counts): return "\(counts["a"] ?? 0)" + missing
                case .members(let members): return members.keys.map(\.text).sorted().joined(separator: " ") + missing
                case nil: return "none" + missing
                default: return "other" + missing
                }
            }
        }

        /// Events of channels for the application since the last look.
        func told() -> [String] {
            toldChannels.withLock { told in
                defer { told = [] }
                return told
            }
        }

        func change(_ channel: ChannelName, isOccupied: Bool) {
            messages.occupancy?.change(channel, isOccupied: isOccupied, nowMs: monotonicMs())
        }

        var names: [String] { messages.nodes.map(\.name.text) }
        var lastList: [UInt64] { lists.withLock { $0.last ?? [] } }

        /// The changes of which the shards were told.
        var changes: [String] {
            mailboxes[0].take().compactMap { mail in
                guard case .nodesChanged(let change) = mail else { return nil }
                return "+\(change.came.sorted()) -\(change.gone.sorted())"
            }
        }
    }

    private let wire = Wire()

    @Test("nodes find each other, and their shards learn of it")
    func finding() {
        let (one, two) = (Node(1, wire), Node(2, wire))
        let three = Node(3, wire)
        for node in [one, two, three] { #expect(Set(node.names) == ["n1", "n2", "n3"]) }
        #expect(one.names.first == "n1")
        #expect(one.changes == ["+[2] -[]", "+[3] -[]"])
        #expect(three.changes == ["+[1] -[]", "+[2] -[]"] || three.changes == [])
        #expect(Set(two.lastList) == [1, 2, 3])
        three.messages.leave()
        #expect(Set(one.names) == ["n1", "n2"])
        #expect(one.changes == ["+[] -[3]"])
    }

    @Test("all shards of all nodes are asked, and their answers are one")
    func all() {
        let (one, two) = (Node(1, wire), Node(2, wire))
        one.ask(.countSubscribers("a"))
        #expect(one.answer() == [0, 1])
        #expect(one.heard == [])
        #expect(two.answer(.channels(["a": 5])) == [0, 1])
        #expect(one.heard == ["12"])
    }

    @Test("a channel's first subscriber of all nodes is told by one of them, and its last when that node ends")
    func occupancy() {
        let nodes = (1...3).map { Node($0, wire) } + [Node(4, wire, notesOccupancy: false)]
        let names = (0..<30).map { ChannelName("room\($0)") }
        var now = monotonicMs()
        /// Everything that was told once all decisions were due.
        func told() -> [String] {
            for _ in 0..<3 {
                now += 5_000
                for node in nodes { node.messages.occupancy?.tick(nowMs: now) }
            }
            return nodes.flatMap { $0.told() }.sorted()
        }
        for name in names { for node in nodes.prefix(2) { node.change(name, isOccupied: true) } }
        #expect(told() == names.map { "\($0) occupied" }.sorted())
        for name in names { nodes[0].change(name, isOccupied: false) }
        #expect(told() == [])
        nodes[1].messages.leave()
        #expect(told() == names.map { "\($0) vacated" }.sorted())
    }

    @Test("a node that was taken for dead is known as such when it is heard again, one that has left is not")
    func arrivals() {
        var membership = Membership(timeoutMs: 1_000, nowMs: 0)
        #expect(membership.heard(7, "n7", nowMs: 0) == .new)
        #expect(membership.heard(7, "n7", nowMs: 10) == .known)
        #expect([400, 800, 1_200].flatMap { membership.tick(nowMs: $0, isLinked: true) } == [7])
        #expect(membership.heard(7, "n7", nowMs: 1_300) == .back)
        let wasKnown = membership.left(7)
        #expect(wasKnown)
        #expect(membership.heard(7, "n7", nowMs: 1_400) == .new)
    }

    @Test("a client's node alone is asked, wherever it is; an id that no node gave asks none")
    func client() {
        let (one, two) = (Node(1, wire), Node(2, wire))
        one.ask(.countSubscribers("a"), of: .client(two.here.clientID(random: 7, low: 1)))
        #expect(one.answer() == [])
        #expect(two.answer().isEmpty == false)
        #expect(one.heard.count == 1)
        one.ask(.countSubscribers("a"), of: .client(one.here.clientID(random: 7, low: 0)))
        #expect(two.answer() == [])
        #expect(one.answer() == [0])
        one.ask(.countSubscribers("a"), of: .client(ClientID(high: 9 << 40, low: 0)))
        #expect(one.heard.last == "none")
    }

    @Test("members are asked of a channel's relay alone, and of the other nodes")
    func members() {
        let (one, two) = (Node(1, wire), Node(2, wire))
        one.ask(.members("a"), of: .others)
        #expect(one.answer() == [])
        #expect(two.answer(.members(["c": ClientInfo(user: "ann", client: "c")])) == [1])
        #expect(one.heard == ["c"])
    }

    @Test("a node that does not answer in time is missing, and its late answer is ignored")
    func deadline() {
        let (one, two) = (Node(1, wire), Node(2, wire))
        one.ask(.countSubscribers("a"), deadlineMs: 100)
        #expect(one.answer() == [0, 1])
        one.messages.tick(nowMs: 99)
        #expect(one.heard == [])
        one.messages.tick(nowMs: 100)
        #expect(one.heard == ["2 without n2"])
        _ = two.answer()
        #expect(one.heard == ["2 without n2"])
        #expect(one.messages.partialAnswerCount == 1)
    }

    @Test("a node without a sign of life is taken for dead, and is missing in what was asked")
    func death() {
        let (one, two) = (Node(1, wire), Node(2, wire))
        let start = monotonicMs()
        one.ask(.countSubscribers("a"))
        _ = one.answer()
        wire.cut(2, true)
        for ms in stride(from: Int64(0), through: 1_400, by: 200) { one.messages.tick(nowMs: start + ms) }
        #expect(one.names == ["n1"])
        #expect(one.heard == ["2 without n2"])
        #expect(one.changes == ["+[] -[2]"])
        // It was only slow: its next sign of life brings it back.
        wire.cut(2, false)
        two.messages.tick(nowMs: start + 2_000)
        #expect(Set(one.names) == ["n1", "n2"])
        #expect(one.changes == ["+[2] -[]"])
    }

    @Test("a process that was stopped takes nobody for dead before it has heard of them again")
    func pause() {
        let one = Node(1, wire)
        let two = Node(2, wire)
        let start = monotonicMs()
        one.messages.tick(nowMs: start)
        one.messages.tick(nowMs: start + 60_000)
        #expect(Set(one.names) == ["n1", "n2"])
        _ = two
    }

    @Test("a message without an answer reaches the shards of all nodes, and numbers never fall behind")
    func send() {
        let (one, two) = (Node(1, wire), Node(2, wire))
        var reached: [Int] = []
        one.messages.send(.disconnectOlder(user: "ann", sequence: 7), to: nil) { _, shard in reached.append(shard) }
        #expect(reached == [0, 1])
        let foreign = two.mailboxes.map { box in
            box.take().count { if case .disconnectOlder(user: "ann", sequence: 7) = $0 { true } else { false } }
        }
        #expect(foreign == [1, 1])
        let ahead = UInt64(1) << 60
        one.sequences.observe(ahead)
        one.messages.tick(nowMs: monotonicMs() + 10_000)
        #expect(two.sequences.next() > ahead)
    }

    @Test("a long answer comes in parts")
    func fragments() {
        let (one, two) = (Node(1, wire), Node(2, wire))
        one.ask(.members("a"), of: .others)
        var members: [ClientName: ClientInfo] = [:]
        for index in 0..<10_000 {
            let name = ClientName("c\(index)")
            members[name] = ClientInfo(user: "u", client: name, connectionInfo: Array(repeating: 1, count: 100))
        }
        _ = two.answer(.members(members))
        #expect(one.heard.first?.split(separator: " ").count == 10_000)
    }
}

@Suite("answers of several nodes, put together")
struct NodeGatheringTests {
    private let heard = Locked<[String]>([])

    private func gathering() -> NodeGathering {
        NodeGathering([1: "a", 2: "b", 3: "c"], deadlineMs: 0) { [heard] answers in
            heard.withLock { $0.append("\(answers.answer.map { "\($0)" } ?? "none") without \(answers.missing)") }
        }
    }

    @Test("the node with a polled session is the last that is waited for")
    func polled() {
        let gathering = gathering()
        gathering.add(.done, from: 2)
        #expect(heard.withLock { $0 } == [])
        gathering.add(.polled(SessionPollAnswer(status: 200, body: [])), from: 3)
        #expect(heard.withLock { $0 } == ["polled(PharosServices.SessionPollAnswer(status: 200, body: [])) without []"])
        gathering.add(.done, from: 1)
        gathering.giveUp()
        #expect(heard.withLock { $0.count } == 1)
    }

    @Test("if no node has it, all are waited for, and those that say nothing are named")
    func nowhere() {
        let gathering = gathering()
        gathering.add(.done, from: 1)
        gathering.add(.done, from: 3)
        gathering.fail(2)
        #expect(heard.withLock { $0 } == ["done without [b]"])
    }
}

@Suite("forms of messages between nodes")
struct NodeFrameTests {
    private func back(_ command: ControlCommand) throws -> String {
        let frame = NodeFrame(sender: 5, content: .request(id: 1, timeMs: 2, command))
        guard let read = try NodeFrame.decode(frame.encoded()), case .request(1, 2, let command) = read.content else {
            return "lost"
        }
        return "\(command)"
    }

    private static var commands: [ControlCommand] {
        var subscribe = APISubscribe()
        (subscribe.channel, subscribe.user, subscribe.client, subscribe.session) = ("a", "u", "c", "s")
        subscribe.recoverSince = StreamPosition(offset: 7, epoch: "e")
        subscribe.options.expireAt = 12
        subscribe.options.info = [1]
        subscribe.options.data = [2]
        subscribe.options.override.presence = false
        subscribe.options.override.forceRecovery = true
        var unsubscribe = APIUnsubscribe()
        (unsubscribe.channel, unsubscribe.all, unsubscribe.exclude) = ("a", true, [ClientID(high: 1, low: 2)])
        var disconnect = APIDisconnect()
        (disconnect.user, disconnect.exclude) = ("u", [ClientID(high: 3, low: 4)])
        disconnect.disconnect = Disconnect(code: 4_001, reason: "why")
        var refresh = APIRefresh()
        (refresh.session, refresh.expired, refresh.expireAt, refresh.info) = ("s", true, 9, [1])
        var send = APISend()
        send.target.all = true
        (send.data, send.dataIsJSON) = ([1, 2], true)
        var connections = APIConnections()
        (connections.user, connections.channel, connections.limit) = ("u", "a", 7)
        connections.cursor = ClientID(high: 5, low: 6)
        return [
            .subscribe(subscribe), .unsubscribe(unsubscribe), .disconnect(disconnect), .refresh(refresh), .listChannels,
            .summary, .send(send), .listConnections(connections), .countSubscribers("a"), .members("a"),
            .memberCounts("b"), .surrenderSession(SessionSurrender(key: "k", user: "")),
            .pollSession(ForeignPoll(key: "k", cursor: 0, user: "", waitMs: 1_000, body: [1])),
            .pollSession(ForeignPoll(key: "k", cursor: 5 << 40, waitMs: 0)),
            .pollSession(ForeignPoll(key: "k", waitMs: ForeignPoll.maximumWaitMs)),
        ]
    }

    @Test("every command comes back as it was", arguments: 0..<15)
    func commands(_ index: Int) throws {
        let command = NodeFrameTests.commands[index]
        let read = try back(command)
        #expect(read == "\(command)")
    }

    @Test("every answer comes back as it was")
    func answers() throws {
        var connection = APIConnection(client: ClientID(high: 1, low: 2))
        (connection.user, connection.transport, connection.connectedAt) = ("u", "sse", 5)
        (connection.name, connection.channels) = ("js", 3)
        let answers: [ControlAnswer] = [
            .done, .failed(.unknownChannel), .channels(["a": 3]),
            .sent(SendCount(delivered: 1, undeliverable: 2, excluded: 3)),
            .connections([connection]), .members(["c": ClientInfo(user: "u", client: "c")]),
            .memberCounts(clients: 3, users: ["u"]), .memberCounts(clients: 1, users: [""]),
            .polled(SessionPollAnswer(status: 409, body: [1, 2])),
        ]
        for answer in answers {
            let frame = NodeFrame(sender: 5, content: .answer(id: 1, answer))
            let read = try NodeFrame.decode(frame.encoded())
            guard case .answer(1, let back?)? = read?.content else {
                Issue.record("lost \(answer)")
                continue
            }
            #expect("\(back)" == "\(answer)")
        }
    }

    @Test("commands for a stream come back as they were")
    func emulated() throws {
        let session = ClientID(high: 7, low: 8)
        let frame = NodeFrame(sender: 5, content: .post(.emulated(session: session, [1, 2])))
        let read = try NodeFrame.decode(frame.encoded())
        guard case .post(.emulated(session, let data))? = read?.content else {
            Issue.record("lost")
            return
        }
        #expect(data == [1, 2])
    }

    @Test("an answer to a poll whose status is none is not understood")
    func noStatus() {
        let frame = NodeFrame(sender: 5, content: .answer(id: 1, .polled(SessionPollAnswer(status: 7, body: []))))
        #expect(throws: MalformedFrame.self) { try NodeFrame.decode(frame.encoded()) }
    }

    @Test("the counts of a node come back without the users and channels that they are of")
    func summary() throws {
        var summary = ShardSummary()
        (summary.uid, summary.name, summary.version, summary.uptime) = ("id", "n", "v", 9)
        (summary.clients, summary.users, summary.subscriptions, summary.channels) = (3, ["a", "b"], 4, ["c"])
        let frame = NodeFrame(sender: 5, content: .answer(id: 1, .summary([summary])))
        let read = try NodeFrame.decode(frame.encoded())
        guard case .answer(1, .summary(let nodes)?)? = read?.content, let back = nodes.first else {
            Issue.record("lost")
            return
        }
        #expect((back.uid, back.name, back.version) == ("id", "n", "v"))
        #expect((back.clients, back.userCount, back.subscriptions, back.channelCount) == (3, 2, 4, 1))
    }

    @Test("reports of occupied channels come back as they were, and so does a sign of life")
    func occupancy() throws {
        let message = OccupancyMessage(
            reports: [
                OccupancyReport(channel: "a", number: 1, isOccupied: true, wasTold: false),
                OccupancyReport(channel: "b", number: .max, isOccupied: false, wasTold: true),
            ], receipts: [OccupancyReceipt(channel: "c", number: 3, isOccupied: true, isPrimary: true)])
        let read = try NodeFrame.decode(NodeFrame(sender: 5, content: .occupancy(message)).encoded())
        guard case .occupancy(let back)? = read?.content else {
            Issue.record("lost")
            return
        }
        #expect(back == message)
        var heartbeat = NodeHeartbeat(name: "n", sequence: 7)
        (heartbeat.notesOccupancy, heartbeat.lostReceiver) = (true, 3)
        let sign = try NodeFrame.decode(NodeFrame(sender: 5, content: .heartbeat(heartbeat)).encoded())
        guard case .heartbeat(let known)? = sign?.content else {
            Issue.record("lost")
            return
        }
        #expect(known == heartbeat)
    }

    @Test("a command of a later version is answered as unknown; a frame of a later version is dropped")
    func laterVersions() throws {
        var writer = ByteWriter()
        writer.appendField(1, NodeFrame.version)
        writer.appendField(2, UInt64(5))
        writer.appendMessage(5) { request in
            request.appendField(1, UInt64(77))
            request.appendMessage(3) { $0.appendMessage(15) { _ in } }
        }
        let read = try NodeFrame.decode(writer.array)
        guard case .failed(77)? = read?.content else {
            Issue.record("not answered as unknown")
            return
        }
        writer.removeAll()
        writer.appendField(1, NodeFrame.version + 1)
        writer.appendMessage(3) { _ in }
        let later = try NodeFrame.decode(writer.array)
        #expect(later == nil)
    }

    @Test("bytes that are none do not end the process", arguments: 0..<200)
    func noise(_ seed: Int) {
        var random = SystemRandomNumberGenerator()
        let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in
            UInt8.random(in: .min ... .max, using: &random)
        }
        _ = try? NodeFrame.decode(bytes)
    }
}

private func monotonicMs() -> Int64 { pharos_monotonic_ms() }
