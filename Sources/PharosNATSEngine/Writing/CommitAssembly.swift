import PharosDomain

/// Makes a commit of orders, by the rules of publishing.
struct CommitAssembly: PublishingRules {
    /// The rule asks for a key that has to be looked up first.
    struct UnknownKey: Error { var key: IdempotencyKey }
    typealias Failure = UnknownKey

    private(set) var commit: ChannelCommit
    /// The keys that were looked up: where they lead, or that they are free.
    private let known: [IdempotencyKey: StreamPosition?]
    private var order = 0
    private var isAdded = false

    /// - Parameter orders: appends, all to be kept or none, or one removal alone.
    /// - Throws: `UnknownKey` if an append is suppressed that may be a repeat.
    static func commit(
        _ id: String, _ orders: [ChannelOrder], on memory: ChannelMemory, keys: [IdempotencyKey: StreamPosition?]
    ) throws(UnknownKey) -> ChannelCommit {
        var assembly = CommitAssembly(
            commit: ChannelCommit(id: id, on: memory, orders: orders), known: keys)
        for (index, order) in orders.enumerated() {
            assembly.order = index
            switch order.work {
            case .append(let append, _): try assembly.take(append)
            case .removeHistory: assembly.remove()
            case .expire(let sequence): assembly.remove(onlyIf: memory.sequence == sequence)
            case .renew: assembly.remove(onlyIf: memory.isLost)
            }
        }
        return assembly.commit
    }

    private init(commit: ChannelCommit, known: [IdempotencyKey: StreamPosition?]) {
        self.commit = commit
        self.known = known
    }

    private mutating func take(_ append: StreamAppend) throws(UnknownKey) {
        isAdded = false
        let (position, isRepeat) = try publish(append)
        if !isRepeat, !isAdded { add(.signal) }
        commit.answers.append(ChannelCommit.Answer(position: position, isRepeat: isRepeat))
    }

    private mutating func remove(onlyIf isWanted: Bool = true) {
        commit.answers.append(ChannelCommit.Answer(position: commit.after.position, isRepeat: true))
        // Where nothing was stored nothing is to be removed.
        guard isWanted, commit.guardSequence > 0, commit.after.kind != .marker || commit.after.isLost else { return }
        commit.replacesHistory = true
        commit.superseded = nil
        add(.marker)
    }

    private mutating func add(_ kind: StoredMark.Kind) {
        precondition(commit.kind == nil || commit.kind == kind, "a commit has one message")
        isAdded = true
        (commit.kind, commit.after.kind) = (kind, kind)
        guard kind != .marker else { return }
        let offset = kind == .publication ? commit.after.position.offset : 0
        commit.parts.append(ChannelCommit.Part(offset: offset, order: order))
    }

    // MARK: The rules' memory

    mutating func firstAnswer(to append: StreamAppend) throws(UnknownKey) -> StreamPosition? {
        if let known = known[append.idempotencyKey] { return known ?? inCommit(append.idempotencyKey) }
        if let earlier = inCommit(append.idempotencyKey) { return earlier }
        // A new key is the rule, and its guard finds the exception. A suppressed append writes no key that could.
        if append.version > 0, let last = commit.after.version, last.epoch == append.versionEpoch,
            last.number >= append.version
        {
            throw UnknownKey(key: append.idempotencyKey)
        }
        return nil
    }

    private func inCommit(_ key: IdempotencyKey) -> StreamPosition? { commit.keys.first { $0.key == key }?.position }

    mutating func keepAnswer(_ position: StreamPosition, to append: StreamAppend) {
        commit.keys.append(ChannelCommit.Key(key: append.idempotencyKey, position: position))
    }

    mutating func lastVersion(for append: StreamAppend) -> StreamVersion? { commit.after.version }

    mutating func keepVersion(of append: StreamAppend) {
        commit.after.version = StreamVersion(number: append.version, epoch: append.versionEpoch)
    }

    mutating func top(for append: StreamAppend) -> StreamPosition { commit.after.position }

    mutating func add(_ append: StreamAppend) -> StreamPosition {
        commit.after.position.offset += 1
        add(.publication)
        return commit.after.position
    }
}
