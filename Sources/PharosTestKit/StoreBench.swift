import PharosDomain

/// A store under test, its clock and short ways to use both.
struct StoreBench {
    let store: any StreamStoreUnderTest
    var clock = ManualClock()
    var retention = StreamStoreConformance.retention

    init(store: any StreamStoreUnderTest) { self.store = store }

    func appending(_ text: String, to channel: ChannelName = "news") -> StreamAppend {
        StreamAppend(
            channel: channel, publication: Publication(data: Array(text.utf8)), retention: retention,
            nowMs: clock.nowMs)
    }

    @discardableResult
    func append(_ text: String, to channel: ChannelName = "news") async throws -> StreamPosition {
        try await store.append(appending(text, to: channel)).position
    }

    func append(_ numbers: ClosedRange<Int>) async throws {
        for number in numbers { try await append("\(number)") }
    }

    func top(_ channel: ChannelName = "news") async throws -> StreamPosition {
        try await store.read(channel, after: .max, limit: 0, retention: retention, nowMs: clock.nowMs).top
    }

    func read(after offset: UInt64?, limit: Int = 100, _ channel: ChannelName = "news") async throws -> [UInt64] {
        try await store.read(channel, after: offset, limit: limit, retention: retention, nowMs: clock.nowMs)
            .publications.map(\.offset)
    }

    func readBackwards(before offset: UInt64?, limit: Int = 100) async throws -> [UInt64] {
        try await store.readBackwards("news", before: offset, limit: limit, retention: retention, nowMs: clock.nowMs)
            .publications.map(\.offset)
    }

    /// Time passes, with and without the housekeeping that a store does.
    mutating func wait(ms: Int64, tidies: Bool) async {
        clock.advance(byMs: ms)
        if tidies { await store.tidy(nowMs: clock.nowMs) }
    }
}

extension StoreBench {
    func numbersFromOneWithoutGap() async throws {
        try require(try await top().offset, is: 0, "the top of an empty stream")
        let epoch = try await top().epoch
        try require(epoch.isEmpty, is: false, "an empty epoch")
        for number in 1...20 {
            try require(
                try await append("x"), is: StreamPosition(offset: UInt64(number), epoch: epoch),
                "the position of an append")
        }
        try require(try await top(), is: StreamPosition(offset: 20, epoch: epoch), "the top")
    }

    func positionIsThatOfTheStoredPublication() async throws {
        let position = try await append("a")
        let read = try await store.read("news", after: nil, limit: 1, retention: retention, nowMs: clock.nowMs)
        try require(read.top, is: position, "the top of a read")
        try require(read.publications.map(\.offset), is: [position.offset], "the offset stored")
    }

    func readsAfterAPosition() async throws {
        try await append(1...5)
        try require(try await read(after: nil), is: [1, 2, 3, 4, 5], "everything")
        try require(try await read(after: 0), is: [1, 2, 3, 4, 5], "after 0")
        try require(try await read(after: 3), is: [4, 5], "after 3")
        try require(try await read(after: 5), is: [], "after the top")
    }

    func readsAtMostTheLimit() async throws {
        try await append(1...5)
        try require(try await read(after: 1, limit: 2), is: [2, 3], "the oldest two after 1")
        try require(try await read(after: nil, limit: 0), is: [], "none")
        try require(try await readBackwards(before: nil, limit: 2), is: [5, 4], "the newest two")
        try require(try await readBackwards(before: nil, limit: 0), is: [], "none backwards")
        try require(try await readBackwards(before: nil, limit: .max), is: [5, 4, 3, 2, 1], "all backwards")
        try require(try await read(after: nil, limit: .max), is: [1, 2, 3, 4, 5], "all")
    }

    func readsBackwards() async throws {
        try await append(1...5)
        try require(try await readBackwards(before: nil), is: [5, 4, 3, 2, 1], "everything")
        try require(try await readBackwards(before: 4), is: [3, 2, 1], "before 4")
        try require(try await readBackwards(before: 4, limit: 1), is: [3], "the one before 4")
        try require(try await readBackwards(before: 1), is: [], "before the first")
        try require(try await readBackwards(before: 0), is: [], "before 0")
    }

    func readsNothingBeyondItsEnds() async throws {
        for offset in [0, 1, 7, UInt64.max - 1, .max] {
            try require(try await read(after: offset), is: [], "after \(offset) in an empty stream")
            try require(try await readBackwards(before: offset), is: [], "before \(offset) in an empty stream")
        }
        try await append(1...8)
        try require(try await read(after: 1), is: [4, 5, 6, 7, 8], "after a position that was trimmed")
        try require(try await read(after: 9), is: [], "after a position ahead of the stream")
        try require(try await read(after: .max), is: [], "after the largest position")
        try require(try await readBackwards(before: .max), is: [8, 7, 6, 5, 4], "before the largest position")
        try require(try await readBackwards(before: 4), is: [], "before the oldest kept")
        try require(try await readBackwards(before: 5), is: [4], "the oldest kept")
    }

    func keepsTheNewestBySize() async throws {
        for number in 1...23 {
            try await append("\(number)")
            let oldest = max(number - 4, 1)
            try require(
                try await read(after: nil), is: (oldest...number).map { UInt64($0) },
                "what is kept after \(number) appends")
        }
    }

    mutating func keepsOneOnly() async throws {
        retention.size = 1
        try await append(1...3)
        try require(try await read(after: nil), is: [3], "the only one")
        try require(try await readBackwards(before: nil, limit: 1), is: [3], "the newest")
    }

    mutating func entriesExpireOneByOne() async throws {
        for tidies in [false, true] {
            try await append("a")
            await wait(ms: 4_000, tidies: tidies)
            try await append("b")
            let last = try await top().offset
            await wait(ms: 5_999, tidies: tidies)
            try require(
                try await read(after: nil), is: [last - 1, last], "what is kept just before the first one's end")
            await wait(ms: 1, tidies: tidies)
            try require(try await read(after: nil), is: [last], "what is kept at the first one's end")
            await wait(ms: 4_000, tidies: tidies)
            try require(try await read(after: nil), is: [], "what is kept at the second one's end")
        }
    }

    mutating func topOutlivesThePublications() async throws {
        try await append(1...3)
        let position = try await top()
        await wait(ms: 20_000, tidies: true)
        try require(try await read(after: nil), is: [], "publications after their time")
        try require(try await top(), is: position, "the top")
        try require(try await append("4"), is: StreamPosition(offset: 4, epoch: position.epoch), "the next position")
    }

    mutating func lostMemoryMeansANewEpoch() async throws {
        for tidies in [false, true] {
            try await append(1...3)
            let old = try await top()
            await wait(ms: 60_000, tidies: tidies)
            let new = try await append("x")
            try require(new.epoch == old.epoch, is: false, "the old epoch after the memory was lost")
            try require(new.offset, is: 1, "the first offset of a new epoch")
            try require(try await read(after: nil), is: [1], "what a new epoch holds")
        }
    }

    mutating func usingAStreamKeepsItsMemory() async throws {
        try await append("1")
        let position = try await top()
        for _ in 1...10 {
            await wait(ms: 59_999, tidies: true)
            try require(try await top(), is: position, "the position of a stream in use")
        }
    }

    mutating func memoryWithoutAnEndStays() async throws {
        retention.metaTTLMs = 0
        let position = try await append("1")
        await wait(ms: 1_000_000_000_000, tidies: true)
        try require(try await top(), is: position, "the position after thirty years")
    }

    func removingHistoryKeepsThePosition() async throws {
        try await append(1...3)
        let position = try await top()
        try await store.removeHistory(of: "news")
        try await store.removeHistory(of: "never used")
        try require(try await read(after: nil), is: [], "publications after their removal")
        try require(try await readBackwards(before: nil), is: [], "the same backwards")
        try require(try await top(), is: position, "the position")
        try await append("4")
        try require(try await read(after: nil), is: [4], "what came afterwards")
    }

    func streamsAreSeparate() async throws {
        try await append("a", to: "news")
        try await append("b", to: "sport")
        let sport = try await append("c", to: "sport")
        try require(try await top().offset, is: 1, "the top of the one")
        try require(sport.offset, is: 2, "the top of the other")
        try require(try await top().epoch == sport.epoch, is: false, "the epoch of the other")
    }

    /// Names are compared byte by byte.
    ///
    /// Canonically equivalent names are different streams, and so are names that differ after a NUL or in case.
    func namesAreBytes() async throws {
        let names: [ChannelName] = [
            "caf\u{E9}", "cafe\u{301}", "\u{212A}ate", "Kate", "kate", "Kate\u{0}", "Kate\u{0}a", "Kate ",
        ]
        for (index, name) in names.enumerated() {
            for number in 0...index { try await append("\(number)", to: name) }
        }
        for (index, name) in names.enumerated() {
            try require(try await top(name).offset, is: UInt64(index + 1), "the top of name \(index)")
        }
        try await store.removeHistory(of: names[0])
        try require(try await read(after: nil, names[0]), is: [], "what is left of the first")
        try require(try await read(after: nil, names[1]), is: [1, 2], "what is left of the second")
    }

    func publicationsComeBackUnchanged() async throws {
        var publication = Publication(
            data: Array((0...255).map { UInt8($0) }), tags: ["lang": "ä"], timeMs: 1_700_000_000_123)
        publication.info = ClientInfo(user: "42", client: "c", connectionInfo: [1], channelInfo: [2])
        publication.isJSON = false
        publication.offset = 77
        let position = try await store.append(
            StreamAppend(channel: "news", publication: publication, retention: retention, nowMs: clock.nowMs)
        ).position
        publication.offset = position.offset
        let read = try await store.read("news", after: nil, limit: 1, retention: retention, nowMs: clock.nowMs)
        try require(read, is: StreamRead(top: position, publications: [publication]), "the publication")
    }

    mutating func aSmallerSizeTrimsAtTheNextAppend() async throws {
        try await append(1...5)
        retention.size = 2
        try await append("6")
        try require(try await read(after: nil), is: [5, 6], "what a smaller size keeps")
        retention.size = 4
        try await append(7...10)
        try require(try await read(after: nil), is: [7, 8, 9, 10], "what a larger size keeps")
    }

    mutating func aClockStepChangesNoOrder() async throws {
        (retention.size, retention.metaTTLMs) = (100, 0)
        try await append(1...3)
        let epoch = try await top().epoch
        clock.advance(byMs: -500_000)
        try await append(4...6)
        try require(try await top(), is: StreamPosition(offset: 6, epoch: epoch), "the top after a step back")
        try require(try await read(after: nil), is: [1, 2, 3, 4, 5, 6], "what is kept after a step back")
        // Those stored last would expire first: they stay for as long as those before them.
        await wait(ms: 20_000, tidies: true)
        try require(try await read(after: 2), is: [3, 4, 5, 6], "what is kept behind what has not expired")
        await wait(ms: 485_000, tidies: true)
        try require(try await append("7"), is: StreamPosition(offset: 7, epoch: epoch), "the next position")
        try require(try await read(after: 3), is: [4, 5, 6, 7], "what is kept when the clock is right again")
    }
}
