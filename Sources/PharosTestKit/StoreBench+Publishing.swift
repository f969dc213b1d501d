import PharosDomain

/// Idempotency keys, versions, and publications that skip the history.
extension StoreBench {
    private func append(_ text: String, to channel: ChannelName = "news", key: IdempotencyKey) async throws -> StoreTold
    {
        var append = appending(text, to: channel)
        append.idempotencyKey = key
        append.idempotencyUntilMs = clock.nowMs + 5_000
        return StoreTold(try await store.append(append))
    }

    func aKeyAnswersTheFirstResult() async throws {
        let first = try await append("a", key: "k")
        try require(first.isRepeat, is: false, "whether the first append is a repeat")
        try await append("b")
        let again = try await append("c", key: "k")
        try require(again, is: StoreTold((first.position, true)), "what the same key is told")
        try require(try await read(after: nil), is: [1, 2], "what is stored")
        let other = try await append("d", key: "l")
        try require(other.position.offset, is: 3, "the offset under another key")
    }

    func keysBelongToTheirChannel() async throws {
        let news = try await append("a", to: "news", key: "k")
        let sport = try await append("a", to: "sport", key: "k")
        try require([news.isRepeat, sport.isRepeat], is: [false, false], "whether these are repeats")
    }

    mutating func aKeyEndsWithItsWindow() async throws {
        for tidies in [false, true] {
            let first = try await append("a", key: "k")
            await wait(ms: 4_999, tidies: tidies)
            try require(
                try await append("b", key: "k"), is: StoreTold((first.position, true)), "within the window")
            await wait(ms: 1, tidies: tidies)
            let next = try await append("c", key: "k")
            try require(next.isRepeat, is: false, "whether it is a repeat after the window")
            await wait(ms: 5_000, tidies: tidies)
        }
    }

    func aKeyTriedAtOnceStoresOnce() async throws {
        let bench = self
        let told = try await withThrowingTaskGroup(of: StoreTold.self) { group in
            for number in 0..<50 { group.addTask { try await bench.append("\(number)", key: "k") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        try require(Set(told.map(\.position.offset)), is: [1], "the offsets told")
        try require(told.count { !$0.isRepeat }, is: 1, "those that were told to be the first")
        try require(try await top().offset, is: 1, "the top")
    }

    func anOldVersionIsSuppressed() async throws {
        func append(_ version: UInt64, _ epoch: Epoch) async throws -> StoreTold {
            var append = appending("x")
            append.version = version
            append.versionEpoch = epoch
            return StoreTold(try await store.append(append))
        }
        try require(try await append(5, "a").isRepeat, is: false, "whether the first version is suppressed")
        try require(try await append(5, "a").isRepeat, is: true, "whether the same version is suppressed")
        try require(try await append(4, "a").isRepeat, is: true, "whether a lower version is suppressed")
        try require(try await append(6, "a").isRepeat, is: false, "whether a higher version is suppressed")
        try require(try await append(1, "b").isRepeat, is: false, "whether another epoch's version is suppressed")
        try require(try await self.append("y").offset, is: 4, "the offset without a version")
        try require(try await append(1, "b"), is: StoreTold((try await top(), true)), "what a suppressed one is told")
    }

    func lookingSaysTheFirstEpoch() async throws {
        for number in 0..<100 {
            let told = try await top("channel \(number)")
            try require(told.offset, is: 0, "the top of an empty stream")
            try await store.removeHistory(of: "channel \(number)")
            try require(try await top("channel \(number)"), is: told, "what the next one is told")
        }
        try await store.restart()
        for number in 0..<100 {
            let told = try await top("channel \(number)")
            let position = try await append("x", to: "channel \(number)")
            try require(position, is: StreamPosition(offset: 1, epoch: told.epoch), "the first publication's position")
        }
    }
}

/// The answer to an append.
struct StoreTold: Equatable {
    let position: StreamPosition
    let isRepeat: Bool

    init(_ told: (position: StreamPosition, isRepeat: Bool)) {
        position = told.position
        isRepeat = told.isRepeat
    }
}
