import PharosDomain

/// The guarantees while many use the store at once.
extension StoreBench {
    private static let writers = 8
    private static let appendsOfEach = 1_000

    private static func text(_ writer: Int, _ number: Int) -> String { "\(writer):\(number)" }

    /// Eight write at once; the answers of each, by offset.
    private func writeConcurrently() async throws -> [(offset: UInt64, text: String)] {
        let (store, retention, nowMs) = (store, retention, clock.nowMs)
        return try await withThrowingTaskGroup(of: [(offset: UInt64, text: String)].self) { group in
            for writer in 0..<StoreBench.writers {
                group.addTask {
                    var told: [(offset: UInt64, text: String)] = []
                    for number in 0..<StoreBench.appendsOfEach {
                        let text = StoreBench.text(writer, number)
                        let position = try await store.append(
                            StreamAppend(
                                channel: "news", publication: Publication(data: Array(text.utf8)),
                                retention: retention, nowMs: nowMs)
                        ).position
                        told.append((position.offset, text))
                    }
                    for (earlier, later) in zip(told, told.dropFirst()) where earlier.offset >= later.offset {
                        throw ConformanceFailure(description: "a writer's own order was changed at \(later.offset)")
                    }
                    return told
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }.sorted { $0.offset < $1.offset }
        }
    }

    mutating func concurrentWritersLeaveNoGap() async throws {
        let count = StoreBench.writers * StoreBench.appendsOfEach
        retention.size = count
        let told = try await writeConcurrently()
        try require(told.map(\.offset), is: (1...count).map { UInt64($0) }, "the offsets told")
        let read = try await store.read("news", after: nil, limit: .max, retention: retention, nowMs: clock.nowMs)
        try require(read.publications.map(\.offset), is: told.map(\.offset), "the offsets stored")
        try require(
            read.publications.map { String(decoding: $0.data, as: UTF8.self) }, is: told.map(\.text), "what is stored")
    }

    mutating func readersSeeAppendsWhole() async throws {
        let count = UInt64(StoreBench.writers * StoreBench.appendsOfEach)
        retention.size = Int(count)
        let (store, retention, nowMs) = (store, retention, clock.nowMs)
        let seen = try await withThrowingTaskGroup(of: [String].self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var seen: [String] = []
                    while seen.count < count {
                        let read = try await store.read(
                            "news", after: UInt64(seen.count), limit: Int(count), retention: retention, nowMs: nowMs)
                        let expected = (UInt64(seen.count)..<read.top.offset).map { $0 + 1 }
                        try require(
                            read.publications.map(\.offset), is: expected, "what a reader sees up to the top it is told"
                        )
                        seen += read.publications.map { String(decoding: $0.data, as: UTF8.self) }
                        await Task.yield()
                    }
                    return seen
                }
            }
            let told = try await writeConcurrently().map(\.text)
            for try await seen in group { try require(seen, is: told, "what a reader saw while it was written") }
            return told
        }
        try require(seen.count, is: Int(count), "the number of publications")
    }
}
