import PharosDomain

/// Every publication of the table after every other.
///
/// Each pair is in a channel of its own; then comes one more that both may suppress.
extension StoreBench {
    private struct Step {
        var version: UInt64
        var versionEpoch: Epoch
        var key: IdempotencyKey
        var history: HistoryUse
    }

    private static let steps: [Step] = [(0, ""), (3, "a"), (5, "a"), (5, "b")].flatMap { version in
        ["", "k", "l"].flatMap { key in
            [HistoryUse.kept, .skipped].map { history in
                Step(version: version.0 as UInt64, versionEpoch: version.1, key: key, history: history)
            }
        }
    }

    /// The expected state of one channel, in words of the documentation.
    private struct Expectation {
        var top: UInt64 = 0
        var firstAnswers: [IdempotencyKey: UInt64] = [:]
        var newest: (version: UInt64, epoch: Epoch)?

        mutating func answer(_ step: Step) -> (offset: UInt64, isRepeat: Bool) {
            if let known = firstAnswers[step.key] { return (known, true) }
            let isOld = newest.map { $0.epoch == step.versionEpoch && step.version <= $0.version } ?? false
            if step.version > 0, isOld { return (top, true) }
            if step.version > 0 { newest = (step.version, step.versionEpoch) }
            if step.history == .kept { top += 1 }
            let offset = step.history == .kept ? top : 0
            if !step.key.isEmpty { firstAnswers[step.key] = offset }
            return (offset, false)
        }
    }

    func rulesOfPublishingCombine() async throws {
        let steps = StoreBench.steps
        let last = Step(version: 4, versionEpoch: "a", key: "k", history: .kept)
        for restarts in [false, true] {
            var expected: [ChannelName: Expectation] = [:]
            var epochs: [ChannelName: Epoch] = [:]
            for round in 0..<3 {
                for (first, second) in steps.indices.flatMap({ one in steps.indices.map { (one, $0) } }) {
                    let channel = ChannelName("\(restarts) \(first) \(second)")
                    let step = [steps[first], steps[second], last][round]
                    if round == 0 { epochs[channel] = try await top(channel).epoch }
                    let (offset, isRepeat) = expected[channel, default: Expectation()].answer(step)
                    let told = try await publish(step, to: channel)
                    let what = "of publication \(round) of \(steps[first]), \(steps[second]), \(last)"
                    try require(told.isRepeat, is: isRepeat, "whether it is a repeat \(what)")
                    try require(told.position.offset, is: offset, "the offset \(what)")
                    // Where there is an offset, or a suppressed version, the answer is a position in the one stream.
                    if offset > 0 { try require(told.position.epoch, is: epochs[channel]!, "the epoch \(what)") }
                    try require(
                        try await read(after: nil, channel), is: Array((1...expected[channel]!.top + 1).dropLast()),
                        "what is stored after \(what)")
                    try require(try await top(channel).epoch, is: epochs[channel]!, "the stream's epoch after \(what)")
                }
                if restarts { try await store.restart() }
            }
        }
    }

    private func publish(_ step: Step, to channel: ChannelName) async throws -> StoreTold {
        var append = appending("x", to: channel)
        append.version = step.version
        append.versionEpoch = step.versionEpoch
        append.idempotencyKey = step.key
        append.idempotencyUntilMs = clock.nowMs + 300_000
        append.history = step.history
        return StoreTold(try await store.append(append))
    }
}
