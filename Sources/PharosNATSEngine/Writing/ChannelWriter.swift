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
    var memory: ChannelMemory?
    /// The newest message of the channel that this node knows to have been stored.
    var newest: UInt64 = 0
    /// Whether `memory` was read since the writer last rested.
    var isFresh = false
    var keys: [IdempotencyKey: StreamPosition?] = [:]
    /// The epoch of a memory that the server has lost; never used again.
    var lostEpoch: Epoch?
    /// Names this writer in the ids of its commits.
    private let mark: String
    /// Bytes of envelopes that a commit may have; one envelope may be larger.
    private let bytesPerCommit: Int
    private var commits: UInt64 = 0

    /// - Parameter mark: letters, digits and hyphens; of no other writer, ever.
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
}
