import PharosBytes
import PharosDomain
import PharosServices
import PharosTestKit
import Testing

@Suite("sending events to the application") struct ReportedEventStories {
    /// A clock that jumps over every pause.
    private final class JumpingClock: Sendable {
        let nowMs = Locked<Int64>(1_000)

        var timing: DispatchTiming {
            DispatchTiming(
                wallMs: { self.nowMs.withLock { $0 } },
                sleep: { pause in
                    self.nowMs.withLock { $0 += pause }
                    await Task.yield()
                }, chance: { 0.5 })
        }
    }

    private final class DeadLetterList: DeadLetterLog {
        let letters = Locked<[NumberedEvent]>([])

        func append(_ events: [NumberedEvent], for origin: OriginName, nowMs: Int64) -> Bool {
            letters.withLock { $0 += events }
            return true
        }
    }

    private func dispatcher(
        _ log: any EventQueue, _ sender: ScriptedSender, _ deadLetters: any DeadLetterLog = DeadLettersCounted(),
        settings: HookSettings = EventQueueConformance.settings, timing: DispatchTiming,
        report: @escaping @Sendable (DispatchEvent) -> Void = { _ in }
    ) -> EventDispatcher {
        EventDispatcher(
            queue: log, sender: sender, deadLetters: deadLetters, settings: settings, timing: timing, report: report)
    }

    @Test(
        "WS-6: whatever fails, each connection's events are acknowledged in order, none is lost, none is sent again",
        arguments: 0..<8 as Range<UInt64>)
    func randomFailures(_ seed: UInt64) async {
        let log = MemoryEventLog(rules: EventRules(EventQueueConformance.settings))
        let sender = ScriptedSender { attempt, _ in
            // Fails about every other time, in runs.
            var hash = (UInt64(attempt / 3) &+ 1) &* 0x9e37_79b9_7f4a_7c15 &+ seed &* 0xbf58_476d_1ce4_e5b9
            hash ^= hash >> 29
            return hash & 1 == 0 || attempt % 7 == 6
        }
        let dispatcher = dispatcher(log, sender, timing: JumpingClock().timing)
        dispatcher.start()
        var expected: [ClientName: [ChannelName]] = [:]
        for round in 1...40 {
            for client in 1...25 {
                let event = OriginEvent.of(
                    "c\(client)", round.isMultiple(of: 2) ? .unsubscribed : .subscribed, "\(round)")
                log.record(event)
                expected["c\(client)", default: []].append("\(round)")
            }
            if round.isMultiple(of: 10) { await Task.yield() }
        }
        await sender.until { $0.acknowledged().count >= 1_000 }
        await dispatcher.stop(within: 1_000)
        let state = sender.state.withLock { $0 }
        let acknowledged = state.acknowledged()
        #expect(acknowledged.count == 1_000)
        #expect(acknowledged.map(\.sequence) == Array(1...1_000))
        #expect(
            Dictionary(grouping: acknowledged, by: \.event.client).mapValues { $0.map(\.event.channel) } == expected)
        for (one, next) in zip(state.attempts, state.attempts.dropFirst()) where !one.isAcknowledged {
            #expect(next.events.starts(with: one.events), "what failed is repeated with the same beginning")
        }
        #expect(log.totals.waiting == 0)
    }

    @Test("an origin that is down does not keep another one waiting")
    func independence() async {
        let log = MemoryEventLog(rules: EventRules(EventQueueConformance.settings))
        let sender = ScriptedSender { _, origin in origin == "sockets" }
        // The clock that jumps over pauses passes years meanwhile.
        var settings = EventQueueConformance.settings
        settings.eventsKeptFor = .infinity
        let dispatcher = dispatcher(log, sender, settings: settings, timing: JumpingClock().timing)
        log.record(.connected("c"))
        dispatcher.start()
        await sender.until { $0.attempts.contains { $0.origin == "app" } }
        log.record(.raw(.rawClosed, "r"))
        await sender.until { !$0.acknowledged("sockets").isEmpty }
        await dispatcher.stop(within: 1)
        #expect(sender.state.withLock { $0 }.acknowledged() == [])
        #expect(log.totals.waiting == 1)
    }

    @Test(
        "WS-6: an end that is never acknowledged goes to the dead letters after the configured time, the next one is sent"
    )
    func deadLetters() async {
        var settings = EventQueueConformance.settings
        settings.eventsKeptFor = 60
        let log = MemoryEventLog(rules: EventRules(settings))
        let (deadLetters, clock) = (DeadLetterList(), JumpingClock())
        let isUp = Locked(false)
        let sender = ScriptedSender { _, _ in isUp.withLock { $0 } }
        let (buried, continuation) = AsyncStream<DispatchEvent>.makeStream()
        let dispatcher = dispatcher(log, sender, deadLetters, settings: settings, timing: clock.timing) {
            continuation.yield($0)
        }
        var old = OriginEvent.of("c1", .disconnected, "")
        old.atMs = 1_000
        log.record(old)
        dispatcher.start()
        var reports: [DispatchEvent] = []
        for await report in buried {
            reports.append(report)
            if case .buried = report { break }
        }
        #expect(reports == [.originFails("app"), .buried(origin: "app", count: 1)])
        #expect(clock.nowMs.withLock { $0 } >= 61_000)
        #expect(sender.state.withLock { $0.attempts.count } > 8)
        isUp.withLock { $0 = true }
        var new = OriginEvent.of("c2", .disconnected, "")
        new.atMs = clock.nowMs.withLock { $0 }
        log.record(new)
        await sender.until { !$0.acknowledged().isEmpty }
        await dispatcher.stop(within: 1_000)
        #expect(deadLetters.letters.withLock { $0.map(\.event.client) } == ["c1"])
        #expect(sender.state.withLock { $0 }.acknowledged().map(\.event.client) == ["c2"])
        #expect(dispatcher.counters.buried == 1)
        #expect(dispatcher.counters.told == 1)
    }

    @Test("who is connected is reported to each origin, in batches of ten thousand")
    func keepAlives() async {
        var settings = EventQueueConformance.settings
        settings.keepAliveInterval = 10
        let log = MemoryEventLog(rules: EventRules(settings))
        for number in 1...12_000 { log.record(.connected("c\(number)")) }
        log.record(.raw(.rawEstablished, "r"))
        let sender = ScriptedSender { _, _ in true }
        let dispatcher = dispatcher(log, sender, settings: settings, timing: JumpingClock().timing)
        dispatcher.start()
        await sender.until { $0.keepAlives.count >= 3 }
        await dispatcher.stop(within: 1_000)
        let reports = sender.state.withLock { Array($0.keepAlives.prefix(3)) }
        #expect(reports.map(\.origin) == ["app", "app", "sockets"])
        #expect(reports.map(\.clients.count) == [10_000, 2_000, 1])
        #expect(Set(reports[0].clients + reports[1].clients).count == 12_000)
        #expect(reports.map(\.sequence) == [12_000, 12_000, 12_000])
    }

    @Test("the server's end waits for what is left to be sent, and for a hanging origin no longer than allowed")
    func ending() async {
        let log = MemoryEventLog(rules: EventRules(EventQueueConformance.settings))
        let sender = ScriptedSender { _, origin in
            // Hangs until its task is cancelled.
            if origin == "sockets" { try? await Task.sleep(for: .seconds(3_600)) }
            return origin == "app"
        }
        let dispatcher = dispatcher(log, sender, timing: .real)
        for number in 1...500 { log.record(.connected("c\(number)")) }
        log.record(.raw(.rawClosed, "r"))
        dispatcher.start()
        await dispatcher.stop(within: 500)
        #expect(sender.state.withLock { $0 }.acknowledged().count == 500)
        #expect(sender.state.withLock { $0 }.acknowledged("sockets") == [])
    }

    @Test("the origin goes down and comes up fifty times under load, and misses nothing")
    func fiftyTimes() async {
        let log = MemoryEventLog(rules: EventRules(EventQueueConformance.settings))
        let isUp = Locked(true)
        let sender = ScriptedSender { _, _ in isUp.withLock { $0 } }
        let dispatcher = dispatcher(log, sender, timing: JumpingClock().timing)
        dispatcher.start()
        for round in 1...50 {
            isUp.withLock { $0 = false }
            for number in 1...20 { log.record(.connected("\(round) \(number)")) }
            await sender.until { $0.attempts.last.map { !$0.isAcknowledged } == true }
            for number in 21...40 { log.record(.connected("\(round) \(number)")) }
            isUp.withLock { $0 = true }
            await sender.until { $0.acknowledged().count >= round * 40 - 10 }
        }
        await dispatcher.stop(within: 1_000)
        let acknowledged = sender.state.withLock { $0 }.acknowledged()
        #expect(acknowledged.map(\.sequence) == Array(1...2_000))
        #expect(acknowledged.map(\.event.client) == (1...50).flatMap { round in (1...40).map { "\(round) \($0)" } })
    }
}
