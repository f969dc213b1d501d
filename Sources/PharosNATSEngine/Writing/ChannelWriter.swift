import PharosDomain

/// The writer of one channel on this node, as a machine without IO.
///
/// Whatever waits for the channel is written together, in one guarded commit at a time: it holds only if the subject's
/// last message is still the one that this writer knows. So any number of nodes may write, the server decides, and the
/// loser reads what is there and numbers anew. A commit whose outcome is unknown is looked for by its id before
/// anything else is written; it is never written twice, since its guard holds once.
///
/// Each answer to an action is given back by one call; times are monotonic milliseconds.
struct ChannelWriter {
    /// Publications of a commit.
    ///
    /// The server counts messages, so that it keeps up to as many times more than asked.
    static let publicationsPerCommit = 64
    static let pauseMs: Int64 = 50

    var phase = Phase.idle
    var waiting: [ChannelOrder] = []
    /// The words of the last message; nil: not known.
    private(set) var memory: ChannelMemory?
    /// The newest message of the channel that this node knows to have been stored.
    private(set) var newest: UInt64 = 0
    /// Whether `memory` was read since the writer last rested.
    private var isFresh = false
    private var keys: [IdempotencyKey: StreamPosition?] = [:]
    /// The epoch of a memory that the server has lost; never used again.
    private var lostEpoch: Epoch?
    /// Names this writer in the ids of its commits.
    private let mark: String
    /// Bytes of envelopes that a commit may have; one envelope may be larger.
    private let bytesPerCommit: Int
    private var commits: UInt64 = 0

    /// - Parameter mark: letters and digits that no other writer of the channel has.
    init(mark: String, bytesPerCommit: Int = 1 << 18) {
        self.mark = mark
        self.bytesPerCommit = bytesPerCommit
    }

    var isIdle: Bool { if case .idle = phase { waiting.isEmpty } else { false } }

    // MARK: Orders

    mutating func add(_ order: ChannelOrder, nowMs: Int64) -> [Action] {
        waiting.append(order)
        guard case .idle = phase else { return [] }
        return next(nowMs)
    }

    /// A message of another writer was seen live.
    ///
    /// A write that would be in vain is saved.
    mutating func saw(_ message: StoredMessage) {
        guard case .idle = phase, let memory, message.sequence > memory.sequence else { return }
        newest = max(newest, message.sequence)
        self.memory = ChannelMemory(message)
    }

    /// The channel is known to have had this message.
    mutating func heard(of sequence: UInt64) { newest = max(newest, sequence) }

    /// Makes the next commit, or asks for what it needs.
    mutating func next(_ nowMs: Int64) -> [Action] {
        phase = .idle
        var actions = refuseLate(nowMs)
        guard !waiting.isEmpty else {
            isFresh = false
            keys = [:]
            return actions
        }
        guard let memory else {
            phase = .readingLast
            return actions + [.readLast]
        }
        let orders = nextOrders()
        let commit: ChannelCommit
        do throws(CommitAssembly.UnknownKey) {
            commits += 1
            commit = try CommitAssembly.commit("\(mark).\(commits)", orders, on: memory, keys: keys)
        } catch {
            phase = .readingKeys
            let wanted = Set(orders.compactMap { $0.append?.idempotencyKey }.filter { !$0.isEmpty })
            return actions + [.readKeys(Array(wanted))]
        }
        if commit.kind == nil {
            // Nothing is written whose guard would show that more is known elsewhere.
            guard isFresh else {
                phase = .readingLast
                return actions + [.readLast]
            }
            waiting.removeFirst(orders.count)
            actions.append(.answer(orders, commit.answers))
            return actions + next(nowMs)
        }
        waiting.removeFirst(orders.count)
        return actions + write(commit)
    }

    private func nextOrders() -> [ChannelOrder] {
        var orders: [ChannelOrder] = []
        var bytes = 0
        for order in waiting.prefix(ChannelWriter.publicationsPerCommit) {
            guard let append = order.append else { return orders.isEmpty ? [order] : orders }
            bytes += order.payload.count + 8
            if let first = orders.first?.append {
                let isOfOneKind = (first.history == .kept) == (append.history == .kept)
                guard isOfOneKind, bytes <= bytesPerCommit else { return orders }
            }
            orders.append(order)
        }
        return orders
    }

    mutating func write(_ commit: ChannelCommit) -> [Action] {
        var commit = commit
        commit.attempts += 1
        phase = .writing(commit)
        return [.write(commit)]
    }

    private mutating func refuseLate(_ nowMs: Int64) -> [Action] {
        let late = waiting.filter { $0.deadlineMs <= nowMs }
        guard !late.isEmpty else { return [] }
        waiting.removeAll { $0.deadlineMs <= nowMs }
        return [.refuse(late, .internalError)]
    }

    /// Refuses everything; the writer begins anew.
    mutating func refuseAll(_ error: ReplyError) -> [Action] {
        var orders = waiting
        switch phase {
        case .writing(let commit), .settling(let commit), .settlingLater(let commit), .rewriting(let commit):
            orders = commit.orders + orders
        case .idle, .readingLast, .readingEpoch, .readingKeys, .pausing: break
        }
        (phase, waiting, keys, isFresh) = (.idle, [], [:], false)
        forget()
        return orders.isEmpty ? [] : [.refuse(orders, error)]
    }

    /// Gives up all orders, after a commit that was in conflict with another's.
    ///
    /// nil if one of them may be stored, or stays the writer's own.
    ///
    /// - Parameter id: the commit that was in conflict.
    mutating func surrender(after id: String) -> [ChannelOrder]? {
        guard case .writing(let commit) = phase, commit.id == id, !commit.isUnsure else { return nil }
        let orders = commit.orders + waiting
        guard orders.allSatisfy({ $0.append != nil }) else { return nil }
        waiting = []
        phase = .idle
        keys = [:]
        isFresh = false
        forget()
        return orders
    }

    // MARK: What is known

    mutating func know(_ message: StoredMessage) {
        memory = ChannelMemory(message, newest: newest)
        newest = max(newest, message.sequence)
        isFresh = true
    }

    mutating func forget() {
        if let memory, memory.sequence > 0 { lostEpoch = memory.position.epoch }
        memory = nil
    }

    /// The commit is stored.
    ///
    /// - Parameters:
    ///   - sequence: of its last message.
    ///   - isLast: whether nothing is known to have been stored behind it.
    mutating func finish(
        _ commit: ChannelCommit, at sequence: UInt64, isLast: Bool = true, nowMs: Int64
    ) -> [Action] {
        memory = isLast ? commit.after : nil
        memory?.sequence = sequence
        memory?.isLost = false
        newest = max(newest, sequence)
        keys = [:]
        var actions: [Action] = [.stored(commit, sequence: sequence)]
        if let superseded = commit.superseded { actions.append(.delete(superseded)) }
        return actions + next(nowMs)
    }

    /// The orders of a commit that is not stored wait again, before all others.
    mutating func takeBack(_ commit: ChannelCommit) { waiting = commit.orders + waiting }

    /// The epoch of an empty channel is known.
    ///
    /// - Parameter spare: used where the first is that of a memory that was lost.
    mutating func epochRead(_ epoch: Epoch?, spare: Epoch, nowMs: Int64) -> [Action] {
        guard case .readingEpoch = phase else { return [] }
        guard let epoch else { return pause() }
        memory = ChannelMemory(empty: epoch == lostEpoch ? spare : epoch)
        isFresh = true
        return next(nowMs)
    }

    mutating func keysRead(_ found: [IdempotencyKey: StreamPosition?]?, nowMs: Int64) -> [Action] {
        guard case .readingKeys = phase else { return [] }
        guard let found else { return pause() }
        keys.merge(found) { $1 }
        return next(nowMs)
    }

    mutating func pause() -> [Action] {
        phase = .pausing
        return [.pause(ChannelWriter.pauseMs)]
    }
}
