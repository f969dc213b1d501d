import CPharosSys
import PharosBytes
import PharosCluster
import PharosDomain
import PharosEdge
import PharosProtocol
import Synchronization

/// Node messages of a server with several nodes, over the bus of their engine.
///
/// Each node gives signs of life to all others. From them, and from the message by which a node says that it ends, each
/// node makes its own list. This node's part of every question is `SingleNode`'s work.
final class ClusterNodes: NodeMessages {
    struct Timing: Sendable {
        /// Between two signs of life, in milliseconds.
        var heartbeatMs: Int64 = 2_000
        /// Without a sign of life for so long a node is taken for dead, in milliseconds.
        var timeoutMs: Int64 = 10_000
        /// Time between a change of nodes and decisions about occupied channels, in ms.
        ///
        /// Nodes learn of a change by their heartbeats and by their ticks, one each second.
        var settleMs: Int64 { max(2 * heartbeatMs, 3_000) }
    }

    private struct State: Sendable {
        var membership: Membership
        var fragments = NodeFragments()
        var open: [UInt64: NodeGathering] = [:]
        var nextHeartbeatMs: Int64 = 0
        var isLeaving = false
        /// Nodes that were taken for dead and have come back.
        ///
        /// How often, and until when they are reminded of it.
        var lost: [UInt64: (times: UInt64, untilMs: Int64)] = [:]
        /// How often other nodes have said that they had taken this one for dead.
        var losses: [UInt64: UInt64] = [:]

        mutating func noteBack(_ node: UInt64, untilMs: Int64) {
            lost[node] = ((lost[node]?.times ?? 0) + 1, untilMs)
        }

        func recentlyBack(_ nowMs: Int64) -> [UInt64] { lost.filter { $0.value.untilMs > nowMs }.map(\.key) }

        mutating func isNewLoss(_ times: UInt64, by node: UInt64) -> Bool {
            guard times > losses[node] ?? 0 else { return false }
            losses[node] = times
            return true
        }
    }

    let here: NodeIncarnation
    /// nil: the application did not ask for events of channels.
    let occupancy: ClusterOccupancy?
    private let local: SingleNode
    private let bus: any ClusterBus
    private let sender: NodeSender
    private let timing: Timing
    private let mailboxes: [Mailbox<ShardMail>]
    private let state: Locked<State>
    private let nextID: Atomic<UInt64>
    private let sequences: ConnectionSequences
    private let changed: @Sendable ([UInt64]) -> Void
    /// Answers that lacked a node's part.
    private let partialAnswers = Atomic<UInt64>(0)
    private let rejected = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - sequences: gives the numbers that decide which connection of a user is the newest.
    ///   - tellOccupancy: gets the channels that have their first subscriber of all nodes, and those that have lost their
    ///     last; nil: they need not be found.
    ///   - changed: gets the marks of all nodes, this one's first, whenever they change.
    init(
        local: SingleNode, bus: any ClusterBus, timing: Timing = Timing(), mailboxes: [Mailbox<ShardMail>],
        sequences: ConnectionSequences, nowMs: Int64,
        tellOccupancy: (@Sendable (ChannelName, _ isOccupied: Bool) -> Void)? = nil,
        changed: @escaping @Sendable ([UInt64]) -> Void
    ) {
        self.local = local
        here = local.here
        self.bus = bus
        let sender = NodeSender(here: local.here.mark, bus: bus)
        self.sender = sender
        occupancy = tellOccupancy.map {
            ClusterOccupancy(
                here: local.here.mark, settleMs: timing.settleMs, nowMs: nowMs, sender: sender, tell: $0)
        }
        self.timing = timing
        self.mailboxes = mailboxes
        self.sequences = sequences
        self.changed = changed
        nextID = Atomic(UInt64.random(in: 1...(.max / 2)))
        state = Locked(State(membership: Membership(timeoutMs: timing.timeoutMs, nowMs: nowMs)))
    }

    /// Begins to listen, and says that this node is there.
    func start() {
        bus.start(node: here.mark) { [weak self] message in self?.received(message) }
        changed([here.mark])
        sendHeartbeat(to: nil, isNew: true)
    }

    /// Says that this node ends.
    func leave() {
        state.withLock { $0.isLeaving = true }
        occupancy?.end(nowMs: pharos_monotonic_ms())
        sendHeartbeat(to: nil)
    }

    var nodes: [NodeIncarnation] {
        let others = state.withLock { $0.membership.nodes }
        return [here] + others.sorted { $0.value < $1.value }.map { NodeIncarnation(name: $0.value, mark: $0.key) }
    }

    var partialAnswerCount: UInt64 { partialAnswers.load(ordering: .relaxed) }

    var rejectedMessageCount: UInt64 { rejected.load(ordering: .relaxed) }

    // MARK: Sending

    func send(_ message: NodeMessage, to node: NodeIncarnation?, post: (ShardMail, Int) -> Void) {
        local.send(message, to: node, post: post)
        guard node != here else { return }
        sender.send(.post(message), to: node?.mark)
    }

    func ask(
        _ command: ControlCommand, of scope: NodeScope, deadlineMs: Int64, for asker: NodeAsker,
        post: (ShardMail, Int) -> Void
    ) {
        var asked = state.withLock { $0.membership.nodes }
        var localScope: NodeScope? = .all
        switch scope {
        case .all: break
        case .others: localScope = nil
        case .client(let client):
            asked = asked.filter { NodeIncarnation(name: $0.value, mark: $0.key).gave(client) }
            localScope = asked.isEmpty ? scope : nil
        }
        // Nothing to be put together.
        if asked.isEmpty, let localScope {
            return local.ask(command, of: localScope, deadlineMs: deadlineMs, for: asker, post: post)
        }
        let others = asked
        if localScope != nil { asked[here.mark] = here.name }
        let gathering = NodeGathering(asked, deadlineMs: deadlineMs) { [mailboxes, weak self] answers in
            if !answers.missing.isEmpty { self?.partialAnswers.wrappingAdd(1, ordering: .relaxed) }
            switch asker {
            case .shard(let shard, let ticket): mailboxes[shard].post(.gathered(ticket: ticket, answers))
            case .closure(let answer): answer(answers)
            }
        }
        guard !asked.isEmpty else { return gathering.giveUp() }
        let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
        state.withLock { $0.open[id] = gathering }
        if localScope != nil {
            let mark = here.mark
            let answered = NodeAsker.closure { gathering.addAll($0, from: mark) }
            local.ask(command, of: .all, deadlineMs: deadlineMs, for: answered, post: post)
        }
        let timeMs = UInt64(max(deadlineMs - pharos_monotonic_ms(), 1))
        let isLinked = bus.isLinked
        for mark in others.keys {
            guard isLinked else {
                gathering.fail(mark)
                continue
            }
            sender.send(.request(id: id, timeMs: timeMs, command), to: mark)
        }
    }

    private func sendHeartbeat(to node: UInt64?, isNew: Bool = false) {
        var heartbeat = NodeHeartbeat(name: here.name)
        heartbeat.sequence = sequences.newest
        heartbeat.isLeaving = state.withLock { $0.isLeaving }
        heartbeat.isNew = isNew
        heartbeat.notesOccupancy = occupancy != nil
        heartbeat.wallMs = pharos_wall_ms()
        if let node { heartbeat.lostReceiver = state.withLock { $0.lost[node]?.times ?? 0 } }
        sender.send(.heartbeat(heartbeat), to: node)
    }

    // MARK: Time

    func tick(nowMs: Int64) {
        local.tick(nowMs: nowMs)
        let isLinked = bus.isLinked
        let (dead, overdue, isDue) = state.withLock { state in
            state.fragments.expire(nowMs: nowMs)
            let overdue = state.open.filter { $0.value.deadlineMs <= nowMs }
            for id in overdue.keys { state.open[id] = nil }
            let isDue = nowMs >= state.nextHeartbeatMs && !state.isLeaving
            if isDue { state.nextHeartbeatMs = nowMs + timing.heartbeatMs }
            return (state.membership.tick(nowMs: nowMs, isLinked: isLinked), Array(overdue.values), isDue)
        }
        for gathering in overdue { gathering.giveUp() }
        if isDue {
            sendHeartbeat(to: nil)
            // One message may be lost, and this one must not be.
            for node in state.withLock({ $0.recentlyBack(nowMs) }) { sendHeartbeat(to: node) }
        }
        if !dead.isEmpty { tellChange(gone: dead, came: []) }
        occupancy?.tick(nowMs: nowMs)
    }

    private func tellChange(gone: [UInt64], came: [UInt64]) {
        let (open, others) = state.withLock { (Array($0.open.values), $0.membership.nodes.keys.sorted()) }
        for mark in gone { for gathering in open { gathering.fail(mark) } }
        changed([here.mark] + others)
        let change = NodesChange(gone: Set(gone), came: Set(came))
        for mailbox in mailboxes { mailbox.post(.nodesChanged(change)) }
        if !gone.isEmpty { occupancy?.nodesChanged(gone: change.gone, nowMs: pharos_monotonic_ms()) }
    }

    // MARK: Receiving

    private func received(_ message: [UInt8]) {
        // A message that is none comes from another program, or from a later version.
        guard let frame = try? NodeFrame.decode(message) else {
            rejected.wrappingAdd(1, ordering: .relaxed)
            return
        }
        guard frame.sender != here.mark else { return }
        switch frame.content {
        case .heartbeat(let heartbeat): received(heartbeat, from: frame.sender)
        case .post(let message): local.send(message, to: nil) { [mailboxes] in mailboxes[$1].post($0) }
        case .request(let id, let timeMs, let command): received(command, id: id, timeMs: timeMs, from: frame.sender)
        case .answer(let id, let answer): gathering(id)?.add(answer, from: frame.sender)
        case .failed(let id): gathering(id)?.fail(frame.sender)
        case .fragment(let fragment):
            let now = pharos_monotonic_ms()
            let whole = state.withLock { $0.fragments.add(fragment, from: frame.sender, nowMs: now) }
            if let whole { received(whole) }
        case .occupancy(let message): occupancy?.receive(message, from: frame.sender, nowMs: pharos_monotonic_ms())
        }
    }

    private func gathering(_ id: UInt64) -> NodeGathering? { state.withLock { $0.open[id] } }

    private func received(_ heartbeat: NodeHeartbeat, from sender: UInt64) {
        sequences.observe(heartbeat.sequence)
        if heartbeat.isLeaving {
            if state.withLock({ $0.membership.left(sender) }) { tellChange(gone: [sender], came: []) }
            return
        }
        let now = pharos_monotonic_ms()
        let arrival = state.withLock { $0.membership.heard(sender, heartbeat.name, nowMs: now) }
        if arrival == .back { state.withLock { $0.noteBack(sender, untilMs: now + timing.timeoutMs) } }
        if arrival != .known || heartbeat.isNew { sendHeartbeat(to: sender) }
        if arrival != .known { tellChange(gone: [], came: [sender]) }
        guard heartbeat.notesOccupancy else { return }
        if state.withLock({ $0.isNewLoss(heartbeat.lostReceiver, by: sender) }) {
            occupancy?.nodesChanged(forgetful: [sender], nowMs: now)
        } else if arrival != .known {
            occupancy?.nodesChanged(came: [sender], nowMs: now)
        }
    }

    private func received(_ command: ControlCommand, id: UInt64, timeMs: UInt64, from sender: UInt64) {
        let deadlineMs = pharos_monotonic_ms() + Int64(min(timeMs, 60_000))
        let answered = NodeAsker.closure { [weak self] answers in
            guard let self else { return }
            self.sender.send(answers.missing.isEmpty ? .answer(id: id, answers.answer) : .failed(id: id), to: sender)
        }
        local.ask(command, of: .all, deadlineMs: deadlineMs, for: answered) { [mailboxes] in mailboxes[$1].post($0) }
    }
}

extension NodeGathering {
    /// The answer of this node's shards, or that they do not answer.
    fileprivate func addAll(_ answers: NodeAnswers, from node: UInt64) {
        if answers.missing.isEmpty { add(answers.answer, from: node) } else { fail(node) }
    }
}
