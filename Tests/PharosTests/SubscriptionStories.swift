import Pharos
import PharosBytes
import PharosTestKit
import Testing

extension Library {
    @Suite("subscriptions")
    struct Subscriptions {}
}

extension Library.Subscriptions {
    @Test("for await hears everything that is published after subscribing, in order")
    func everything() async throws {
        try await Library.serve { server, _ in
            let subscription = server.subscribe("log:a", queueLimit: 20_000)
            let publishing = Task {
                for start in stride(from: 0, to: 20_000, by: 1_000) {
                    try await server.publish(contentsOf: (start..<start + 1_000).map { bytes("\($0)") }, to: "log:a")
                }
            }
            var next = 0
            for await publication in subscription {
                #expect(publication.text == "\(next)")
                #expect(publication.position?.offset == UInt64(next + 1))
                #expect(!publication.followsGap)
                next += 1
                if next == 20_000 { break }
            }
            try await publishing.value
            #expect(subscription.dropped == 0)
        }
    }

    @Test("subscribing before the server runs works as after")
    func before() async throws {
        let server = PharosServer(configuration: Library.configuration(), logger: Library.silent)
        var subscription: PharosServer.Subscription? = server.subscribe("news")
        let publishing = Task { try await server.publish("1", to: "news") }
        let running = Task { try await server.run() }
        var iterator = subscription!.makeAsyncIterator()
        #expect(await iterator.next()?.text == "1")
        _ = try await publishing.value
        running.cancel()
        try await running.value
        // The end of the server is the end of the sequence.
        #expect(await iterator.next() == nil)
        #expect(subscription?.failure != nil)
        subscription = nil
        await #expect(throws: PharosError.stopped) { try await server.address }
    }

    @Test("a position from before is recovered; one of another stream says that it is not")
    func positions() async throws {
        try await Library.serve { server, _ in
            let positions = try await server.publish(contentsOf: (1...10).map { bytes("\($0)") }, to: "log:a")
            let recovered = server.subscribe("log:a", from: positions[6])
            let start = try await recovered.started()
            #expect(start.position == positions[6])
            #expect(start.recovered == true)
            var iterator = recovered.makeAsyncIterator()
            for expected in ["8", "9", "10"] { #expect(await iterator.next()?.text == expected) }

            let lost = server.subscribe("log:a", from: Position(offset: 3, epoch: "gone"))
            let lostStart = try await lost.started()
            #expect(lostStart.position == positions[9])
            #expect(lostStart.recovered == false)
            try await server.publish("11", to: "log:a")
            let next = await iterator.next()
            #expect(next?.text == "11")
            #expect(next?.followsGap == false)
            var other = lost.makeAsyncIterator()
            let afterGap = await other.next()
            #expect(afterGap?.text == "11")
            #expect(afterGap?.followsGap == true)
            #expect(Position(positions[6]!.description) == positions[6])
        }
    }

    @Test("a cancelled task, a dropped subscription and a broken loop leave the channel")
    func leaving() async throws {
        let seen = Seen()
        try await Library.serve { _ in
        } hooks: { hooks in
            hooks.vacated { seen.note($0.channel) }
        } body: { server, _ in
            let reading = Task { for await _ in server.subscribe("cancelled") {} }
            try await server.publish("1", to: "cancelled")
            reading.cancel()
            await reading.value
            #expect(await seen.first(1) == ["cancelled"])

            _ = try await server.subscribe("dropped").started()
            #expect(await seen.first(2) == ["cancelled", "dropped"])

            let broken = server.subscribe("broken")
            try await server.publish("1", to: "broken")
            for await _ in broken { break }
            #expect(try await server.subscriberCount(of: "broken") == 1)
            broken.cancel()
            #expect(await seen.first(3).last == "broken")
        }
    }

    @Test("who reads too slowly loses the oldest, is told where, and holds up nobody")
    func slow() async throws {
        try await Library.serve { server, _ in
            let slow = server.subscribe("news", queueLimit: 100)
            let quick = server.subscribe("news")
            for piece in 0..<10 {
                try await server.publish(contentsOf: (0..<100).map { bytes("\(piece * 100 + $0)") }, to: "news")
            }
            var all: [Publication] = []
            for await publication in quick {
                all.append(publication)
                if all.count == 1_000 { break }
            }
            #expect(!all.contains { $0.followsGap })
            var iterator = slow.makeAsyncIterator()
            let first = await iterator.next()
            #expect(first?.text == "900")
            #expect(first?.followsGap == true)
            #expect(slow.dropped == 900)
        }
    }

    @Test("an unknown namespace ends the sequence with the reason")
    func unknown() async throws {
        try await Library.serve { server, _ in
            let subscription = server.subscribe("nowhere:x")
            for await _ in subscription { #expect(Bool(false)) }
            #expect(subscription.failure == PharosError(code: 102, message: "unknown channel"))
        }
    }
}

@Suite("snowflake ids")
struct SnowflakeStories {
    @Test("FT-9: ids of many threads are unique and grow, also when the clock steps back by a second")
    func threads() async throws {
        let time = Locked<Int64>(1_800_000_000_000)
        let ids = try SnowflakeIDs(node: 3) { time.withLock { $0 } }
        let all = try await withThrowingTaskGroup(of: [UInt64].self) { group in
            for task in 0..<8 {
                group.addTask {
                    var mine: [UInt64] = []
                    for number in 0..<2_000 {
                        if task == 0, number == 1_000 { time.withLock { $0 -= 1_000 } }
                        if number % 100 == 0 { time.withLock { $0 += 1 } }
                        mine.append(try ids.next())
                    }
                    #expect(zip(mine, mine.dropFirst()).allSatisfy { $0 < $1 })
                    return mine
                }
            }
            return try await group.reduce(into: Set<UInt64>()) { $0.formUnion($1) }
        }
        #expect(all.count == 16_000)
    }

    @Test("FT-9: an invalid node is refused at start, and a lost clock when it is asked")
    func refused() throws {
        #expect(throws: SnowflakeIDs.Failure.invalidNode(1_024)) { try SnowflakeIDs(node: 1_024) }
        let time = Locked<Int64>(1_800_000_000_000)
        let ids = try SnowflakeIDs(node: 3, leadLimit: .seconds(1)) { time.withLock { $0 } }
        #expect(SnowflakeIDs.timeMs(of: try ids.next()) == 1_800_000_000_000)
        time.withLock { $0 -= 2_000 }
        #expect(throws: SnowflakeIDs.Failure.clockTooFarBehind(milliseconds: 2_000)) { try ids.next() }
    }
}
