import PharosDomain

/// A store under test, its clock and short ways to use both.
struct StoreBench<Store: StreamStore & ~Copyable>: ~Copyable {
    var store: Store
    var clock = ManualClock()
    var retention = StreamStorePromise.retention

    init(store: consuming Store) { self.store = store }

    @discardableResult
    mutating func append(_ text: String, to channel: String = "news") throws -> StreamPosition {
        try store.append(
            Publication(data: Array(text.utf8)), to: channel, retention: retention, nowMs: clock.nowMs)
    }

    mutating func append(_ numbers: ClosedRange<Int>) throws {
        for number in numbers { try append("\(number)") }
    }

    mutating func top(_ channel: String = "news") throws -> StreamPosition {
        try store.top(of: channel, retention: retention, nowMs: clock.nowMs)
    }

    mutating func read(after offset: UInt64?, limit: Int = 100, _ channel: String = "news") throws -> [UInt64] {
        try store.read(channel, after: offset, limit: limit, retention: retention, nowMs: clock.nowMs)
            .publications.map(\.offset)
    }

    mutating func readBackwards(before offset: UInt64?, limit: Int = 100) throws -> [UInt64] {
        try store.readBackwards("news", before: offset, limit: limit, retention: retention, nowMs: clock.nowMs)
            .publications.map(\.offset)
    }

    /// Time passes, with and without the housekeeping that a shard does.
    mutating func wait(ms: Int64, tidies: Bool) {
        clock.advance(byMs: ms)
        if tidies { store.expire(nowMs: clock.nowMs) }
    }
}

extension StoreBench where Store: ~Copyable {
    mutating func numbersFromOneWithoutGap() throws {
        try require(try top().offset, is: 0, "the top of an empty stream")
        let epoch = try top().epoch
        try require(epoch.isEmpty, is: false, "an empty epoch")
        for number in 1...20 {
            try require(
                try append("x"), is: StreamPosition(offset: UInt64(number), epoch: epoch), "the position of an append")
        }
        try require(try top(), is: StreamPosition(offset: 20, epoch: epoch), "the top")
    }

    mutating func positionIsThatOfTheStoredPublication() throws {
        let position = try append("a")
        let read = try store.read("news", after: nil, limit: 1, retention: retention, nowMs: clock.nowMs)
        try require(read.top, is: position, "the top of a read")
        try require(read.publications.map(\.offset), is: [position.offset], "the offset stored")
    }

    mutating func readsAfterAPosition() throws {
        try append(1...5)
        try require(try read(after: nil), is: [1, 2, 3, 4, 5], "everything")
        try require(try read(after: 0), is: [1, 2, 3, 4, 5], "after 0")
        try require(try read(after: 3), is: [4, 5], "after 3")
        try require(try read(after: 5), is: [], "after the top")
    }

    mutating func readsAtMostTheLimit() throws {
        try append(1...5)
        try require(try read(after: 1, limit: 2), is: [2, 3], "the oldest two after 1")
        try require(try read(after: nil, limit: 0), is: [], "none")
        try require(try readBackwards(before: nil, limit: 2), is: [5, 4], "the newest two")
        try require(try readBackwards(before: nil, limit: 0), is: [], "none backwards")
        try require(try readBackwards(before: nil, limit: .max), is: [5, 4, 3, 2, 1], "all backwards")
        try require(try read(after: nil, limit: .max), is: [1, 2, 3, 4, 5], "all")
    }

    mutating func readsBackwards() throws {
        try append(1...5)
        try require(try readBackwards(before: nil), is: [5, 4, 3, 2, 1], "everything")
        try require(try readBackwards(before: 4), is: [3, 2, 1], "before 4")
        try require(try readBackwards(before: 4, limit: 1), is: [3], "the one before 4")
        try require(try readBackwards(before: 1), is: [], "before the first")
        try require(try readBackwards(before: 0), is: [], "before 0")
    }

    mutating func readsNothingBeyondItsEnds() throws {
        for offset in [0, 1, 7, UInt64.max - 1, .max] {
            try require(try read(after: offset), is: [], "after \(offset) in an empty stream")
            try require(try readBackwards(before: offset), is: [], "before \(offset) in an empty stream")
        }
        try append(1...8)
        try require(try read(after: 1), is: [4, 5, 6, 7, 8], "after a position that was trimmed")
        try require(try read(after: 9), is: [], "after a position ahead of the stream")
        try require(try read(after: .max), is: [], "after the largest position")
        try require(try readBackwards(before: .max), is: [8, 7, 6, 5, 4], "before the largest position")
        try require(try readBackwards(before: 4), is: [], "before the oldest kept")
        try require(try readBackwards(before: 5), is: [4], "the oldest kept")
    }

    mutating func keepsTheNewestBySize() throws {
        for number in 1...23 {
            try append("\(number)")
            let oldest = max(number - 4, 1)
            try require(
                try read(after: nil), is: (oldest...number).map { UInt64($0) }, "what is kept after \(number) appends")
        }
    }

    mutating func keepsOneOnly() throws {
        retention.size = 1
        try append(1...3)
        try require(try read(after: nil), is: [3], "the only one")
        try require(try readBackwards(before: nil, limit: 1), is: [3], "the newest")
    }

    mutating func entriesExpireOneByOne() throws {
        for tidies in [false, true] {
            try append("a")
            wait(ms: 4_000, tidies: tidies)
            try append("b")
            let last = try top().offset
            wait(ms: 5_999, tidies: tidies)
            try require(try read(after: nil), is: [last - 1, last], "what is kept just before the first one's end")
            wait(ms: 1, tidies: tidies)
            try require(try read(after: nil), is: [last], "what is kept at the first one's end")
            wait(ms: 4_000, tidies: tidies)
            try require(try read(after: nil), is: [], "what is kept at the second one's end")
        }
    }

    mutating func topOutlivesThePublications() throws {
        try append(1...3)
        let position = try top()
        wait(ms: 20_000, tidies: true)
        try require(try read(after: nil), is: [], "publications after their time")
        try require(try top(), is: position, "the top")
        try require(try append("4"), is: StreamPosition(offset: 4, epoch: position.epoch), "the next position")
    }

    mutating func lostMemoryMeansANewEpoch() throws {
        for tidies in [false, true] {
            try append(1...3)
            let old = try top()
            wait(ms: 60_000, tidies: tidies)
            let new = try append("x")
            try require(new.epoch == old.epoch, is: false, "the old epoch after the memory was lost")
            try require(new.offset, is: 1, "the first offset of a new epoch")
            try require(try read(after: nil), is: [1], "what a new epoch holds")
        }
    }

    mutating func usingAStreamKeepsItsMemory() throws {
        try append("1")
        let position = try top()
        for _ in 1...10 {
            wait(ms: 59_999, tidies: true)
            try require(try top(), is: position, "the position of a stream in use")
        }
    }

    mutating func memoryWithoutAnEndStays() throws {
        retention.metaTTLMs = 0
        let position = try append("1")
        wait(ms: 1_000_000_000_000, tidies: true)
        try require(try top(), is: position, "the position after thirty years")
    }

    mutating func removingHistoryKeepsThePosition() throws {
        try append(1...3)
        let position = try top()
        store.removeHistory(of: "news")
        store.removeHistory(of: "never used")
        try require(try read(after: nil), is: [], "publications after their removal")
        try require(try readBackwards(before: nil), is: [], "the same backwards")
        try require(try top(), is: position, "the position")
        try append("4")
        try require(try read(after: nil), is: [4], "what came afterwards")
    }

    mutating func streamsAreSeparate() throws {
        try append("a", to: "news")
        try append("b", to: "sport")
        let sport = try append("c", to: "sport")
        try require(try top().offset, is: 1, "the top of the one")
        try require(sport.offset, is: 2, "the top of the other")
        try require(try top().epoch == sport.epoch, is: false, "the epoch of the other")
    }

    mutating func publicationsComeBackUnchanged() throws {
        var publication = Publication(
            data: Array((0...255).map { UInt8($0) }), tags: ["lang": "ä"], timeMs: 1_700_000_000_123)
        publication.info = ClientInfo(user: "42", client: "c", connectionInfo: [1], channelInfo: [2])
        publication.isJSON = false
        publication.offset = 77
        let position = try store.append(publication, to: "news", retention: retention, nowMs: clock.nowMs)
        publication.offset = position.offset
        let read = try store.read("news", after: nil, limit: 1, retention: retention, nowMs: clock.nowMs)
        try require(read, is: StreamRead(top: position, publications: [publication]), "the publication")
    }

    mutating func aSmallerSizeTrimsAtTheNextAppend() throws {
        try append(1...5)
        retention.size = 2
        try append("6")
        try require(try read(after: nil), is: [5, 6], "what a smaller size keeps")
        retention.size = 4
        try append(7...10)
        try require(try read(after: nil), is: [7, 8, 9, 10], "what a larger size keeps")
    }
}
