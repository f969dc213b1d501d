package import PharosDomain

/// The guarantees of every event log, in memory or on a disk.
///
/// Each implementation's tests go through all of these.
package enum EventQueueConformance: String, CaseIterable, Sendable {
    case givesInOrderAndForgetsWhatWasAcknowledged
    case repeatsWhatWasNotAcknowledged
    case waitsForTheFirstEvent
    case releasingEndsTheWaiting
    case originsHaveQueuesOfTheirOwn
    case batchesHaveLimits
    case fullRefusesClientsUntilThereIsRoom
    case unwantedKindsAreRememberedAndNotSent
    case rawConnectionsGoToTheirOrigin
    case everyClientIsOnOnePageOfTheSnapshot
    case theSnapshotSaysAsOfWhichEvent
    case clientsAreListedForTheirOrigin

    /// - Parameter open: makes a fresh log with these settings. The check closes it.
    package func check(_ open: (HookSettings) throws -> any EventQueue) async throws {
        let log = try open(settings)
        defer { log.close() }
        switch self {
        case .givesInOrderAndForgetsWhatWasAcknowledged: try await order(log)
        case .repeatsWhatWasNotAcknowledged: try await repetition(log)
        case .waitsForTheFirstEvent: try await waiting(log)
        case .releasingEndsTheWaiting: try await releasing(log)
        case .originsHaveQueuesOfTheirOwn: try await separation(log)
        case .batchesHaveLimits: try await limits(log)
        case .fullRefusesClientsUntilThereIsRoom: try await fullness(log)
        case .unwantedKindsAreRememberedAndNotSent: try await unwanted(log)
        case .rawConnectionsGoToTheirOrigin: try await raw(log)
        case .everyClientIsOnOnePageOfTheSnapshot: try await pages(log)
        case .theSnapshotSaysAsOfWhichEvent: try await sequence(log)
        case .clientsAreListedForTheirOrigin: try await roll(log)
        }
    }

    /// `app` gets every event, `sockets` belongs to a raw path.
    package static var settings: HookSettings {
        var settings = HookSettings()
        settings.events = [.connected, .disconnected, .subscribed, .unsubscribed, .occupied, .vacated]
        settings.eventsTo = "app"
        var path = RawPath(path: "/ws")
        path.origin = "sockets"
        settings.raw = [path]
        return settings
    }

    private var settings: HookSettings {
        var settings = EventQueueConformance.settings
        if self == .fullRefusesClientsUntilThereIsRoom { settings.eventsMaxSize = 1_000 }
        if self == .unwantedKindsAreRememberedAndNotSent { settings.events = [.subscribed, .disconnected] }
        return settings
    }

    private func order(_ log: any EventQueue) async throws {
        for number in 1...250 { log.record(.connected("c\(number)", user: "u\(number)")) }
        var given: [ClientName] = []
        var last: UInt64 = 0
        while given.count < 250 {
            let batch = await log.next(for: "app", after: last, limits: EventBatchLimits())
            try require(batch.count <= 100 && !batch.isEmpty, is: true, "a batch of at most a hundred")
            for event in batch {
                try require(event.sequence > last, is: true, "growing numbers")
                last = event.sequence
                given.append(event.event.client)
            }
        }
        try require(given, is: (1...250).map { "c\($0)" }, "the order")
        log.release()
        try require(await log.next(for: "app", after: last, limits: EventBatchLimits()), is: [], "what is left")
        try require(log.totals.waiting, is: 0, "waiting events")
        try require(log.totals.waitingBytes, is: 0, "waiting bytes")
        try require(log.totals.recorded, is: 250, "recorded events")
    }

    private func repetition(_ log: any EventQueue) async throws {
        for number in 1...3 { log.record(.connected("c\(number)")) }
        _ = try await settled(log)
        let one = EventBatchLimits(count: 1)
        let first = await log.next(for: "app", after: 0, limits: one)
        try require(first.map(\.event.client), is: ["c1"], "the first")
        try require(await log.next(for: "app", after: 0, limits: one), is: first, "the same again")
        let rest = await log.next(for: "app", after: first[0].sequence, limits: EventBatchLimits())
        try require(rest.map(\.event.client), is: ["c2", "c3"], "the rest")
        var event = OriginEvent(.disconnected, atMs: 99)
        (event.client, event.user, event.transport, event.code, event.reason) = ("c1", "u", "sse", 3_012, "no \"pong\"")
        event.meta = Array(#"{"a":"ö"}"#.utf8)
        log.record(event)
        let whole = await log.next(for: "app", after: rest[1].sequence, limits: EventBatchLimits())
        try require(whole.map(\.event), is: [event], "an event with all its parts")
    }

    /// The events for the application of all that was recorded up to now.
    ///
    /// A page of the snapshot comes after that.
    private func settled(_ log: any EventQueue) async throws -> [NumberedEvent] {
        _ = try await log.snapshot(cursor: "", limit: 1)
        return await log.next(for: "app", after: 0, limits: EventBatchLimits())
    }

    private func waiting(_ log: any EventQueue) async throws {
        async let batch = log.next(for: "app", after: 0, limits: EventBatchLimits())
        await Task.yield()
        log.record(.connected("c"))
        try require(await batch.map(\.event.client), is: ["c"], "what was waited for")
    }

    private func releasing(_ log: any EventQueue) async throws {
        async let nothing = log.next(for: "sockets", after: 0, limits: EventBatchLimits())
        log.record(.connected("c"))
        log.release()
        try require(await nothing, is: [], "nothing")
        let batch = await log.next(for: "app", after: 0, limits: EventBatchLimits())
        try require(batch.map(\.event.client), is: ["c"], "what was recorded before")
    }

    private func separation(_ log: any EventQueue) async throws {
        log.record(.connected("c1"))
        log.record(.raw(.rawClosed, "r1"))
        log.record(.connected("c2"))
        let sockets = await log.next(for: "sockets", after: 0, limits: EventBatchLimits())
        try require(sockets.map(\.event.client), is: ["r1"], "the raw path's origin")
        log.record(.raw(.rawClosed, "r2"))
        let more = await log.next(for: "sockets", after: sockets[0].sequence, limits: EventBatchLimits())
        try require(more.map(\.event.client), is: ["r2"], "after its acknowledgement")
        let app = try await settled(log)
        try require(app.map(\.event.client), is: ["c1", "c2"], "the application, which has acknowledged nothing")
    }

    private func limits(_ log: any EventQueue) async throws {
        for _ in 1...3 {
            var event = OriginEvent.connected("c")
            event.meta = [UInt8](repeating: 0x31, count: 1_000)
            log.record(event)
        }
        log.record(.connected("d"))
        _ = try await log.snapshot(cursor: "", limit: 1)
        func count(_ count: Int, _ bytes: Int) async -> Int {
            await log.next(for: "app", after: 0, limits: EventBatchLimits(count: count, bytes: bytes)).count
        }
        try require(await count(2, 100_000), is: 2, "by number")
        try require(await count(100, 2_500), is: 2, "by bytes")
        try require(await count(100, 10), is: 1, "one that is larger than the limit")
    }

    private func fullness(_ log: any EventQueue) async throws {
        try require(log.isAccepting, is: true, "accepting at first")
        for number in 1...20 { log.record(.connected("c\(number)")) }
        try require(log.isAccepting, is: false, "accepting above the limit")
        let all = try await settled(log)
        try require(all.count, is: 20, "events, none of them lost")
        log.release()
        _ = await log.next(for: "app", after: all[19].sequence, limits: EventBatchLimits())
        try require(log.isAccepting, is: true, "accepting after they were acknowledged")
    }

    private func unwanted(_ log: any EventQueue) async throws {
        try require(
            log.kinds,
            is: [.connected, .disconnected, .subscribed, .unsubscribed, .rawEstablished, .rawClosed], "kinds")
        log.record(.connected("c"))
        log.record(.of("c", .subscribed, "news"))
        log.record(.of("c", .subscribed, "sport"))
        log.record(.of("c", .unsubscribed, "news"))
        log.record(OriginEvent(.occupied, atMs: 0))
        let page = try await log.snapshot(cursor: "", limit: 10)
        try require(page.clients.map(\.channels), is: [["sport"]], "the channels of the client")
        log.release()
        let given = await log.next(for: "app", after: 0, limits: EventBatchLimits())
        try require(given.map(\.event.kind), is: [.subscribed, .subscribed], "the events")
    }

    private func raw(_ log: any EventQueue) async throws {
        log.record(.raw(.rawEstablished, "r1"))
        log.record(.raw(.rawClosed, "r1"))
        var homeless = OriginEvent.raw(.rawEstablished, "r2")
        homeless.origin = ""
        log.record(homeless)
        homeless.kind = .rawClosed
        log.record(homeless)
        log.record(.raw(.rawEstablished, "r3"))
        let page = try await log.snapshot(cursor: "", limit: 10)
        try require(page.clients.map(\.client), is: ["r3"], "connections that stand")
        log.release()
        let given = await log.next(for: "sockets", after: 0, limits: EventBatchLimits())
        try require(given.map(\.event), is: [.raw(.rawClosed, "r1")], "the events")
        try require(await log.next(for: "app", after: 0, limits: EventBatchLimits()), is: [], "the application")
    }

    private func pages(_ log: any EventQueue) async throws {
        for number in 1...25 {
            log.record(.connected("c\(number)", user: "u\(number)"))
            log.record(.of("c\(number)", .subscribed, "b"))
            log.record(.of("c\(number)", .subscribed, "a"))
        }
        for number in 1...5 { log.record(.of("c\(number)", .disconnected, "")) }
        var clients: [PresenceSnapshot.Client] = []
        var cursor = ""
        repeat {
            let page = try await log.snapshot(cursor: cursor, limit: 7)
            try require(page.clients.count <= 7, is: true, "a page within its limit")
            clients += page.clients
            cursor = page.nextCursor
        } while !cursor.isEmpty
        try require(clients.count, is: 20, "clients")
        try require(Set(clients.map(\.client)), is: Set((6...25).map { "c\($0)" }), "all of them")
        for client in clients {
            try require(client.channels, is: ["a", "b"], "channels")
            try require(client.user, is: UserID("u" + client.client.text.dropFirst()), "user")
            try require(client.connectedAtMs, is: 1, "time")
        }
    }

    private func sequence(_ log: any EventQueue) async throws {
        try require(try await log.snapshot(cursor: "", limit: 1).sequence, is: 0, "before everything")
        log.record(.connected("c1"))
        log.record(.connected("c2"))
        let page = try await log.snapshot(cursor: "", limit: 10)
        log.record(.connected("c3"))
        let given = await log.next(for: "app", after: page.sequence, limits: EventBatchLimits())
        try require(page.clients.count, is: 2, "what the snapshot contains")
        try require(given.map(\.event.client), is: ["c3"], "what comes after it")
    }

    private func roll(_ log: any EventQueue) async throws {
        for number in 1...12 { log.record(.connected("c\(number)")) }
        for number in 1...5 { log.record(.raw(.rawEstablished, "r\(number)")) }
        log.record(.raw(.rawClosed, "r2"))
        let all: [(OriginName, [ClientName])] = [
            ("app", (1...12).map { "c\($0)" }), ("sockets", ["r1", "r3", "r4", "r5"]), ("nobody", []),
        ]
        for (origin, expected) in all {
            var (clients, cursor): ([ClientName], String) = ([], "")
            repeat {
                let roll = try await log.roll(of: origin, cursor: cursor, limit: 3)
                clients += roll.clients
                cursor = roll.nextCursor
                try require(roll.sequence, is: 13, "number")
            } while !cursor.isEmpty
            try require(clients.sorted(), is: expected.sorted(), "clients of \(origin)")
        }
    }
}

extension OriginEvent {
    package static func connected(_ client: ClientName, user: UserID = "") -> OriginEvent {
        var event = OriginEvent(.connected, atMs: 1)
        (event.client, event.user, event.transport) = (client, user, "websocket")
        return event
    }

    package static func of(_ client: ClientName, _ kind: Kind, _ channel: ChannelName) -> OriginEvent {
        var event = OriginEvent(kind, atMs: 1)
        (event.client, event.channel) = (client, channel)
        return event
    }

    package static func raw(_ kind: Kind, _ client: ClientName) -> OriginEvent {
        var event = OriginEvent(kind, atMs: 1)
        (event.client, event.transport, event.origin) = (client, "raw", "sockets")
        return event
    }
}
