import PharosDomain

/// The guarantees of every channel engine beyond those of `StreamStoreConformance`.
///
/// An engine's tests go through all of these, each with a fresh engine, and through those of stores by `EngineUnderTest`.
package enum EngineConformance: String, CaseIterable, Sendable {
    case aPublicationIsReportedBeforeItIsAnswered
    case everyRequestIsCompletedOnce
    case reportsOfAChannelAscendWithoutAGap
    case aRepeatIsAnsweredAndNotReported
    case aPublicationOutsideTheStreamHasNoPosition
    case theExceptedClientIsNamed
    case membersAreReportedInOrder

    private static let now = EngineUnderTest.moment(1_000_000)
    private static let options = EngineUnderTest.options(StreamStoreConformance.retention)

    /// Checks one guarantee on a fresh engine.
    ///
    /// Throws `ConformanceFailure`.
    package func check(_ engine: EngineUnderTest) async throws {
        switch self {
        case .aPublicationIsReportedBeforeItIsAnswered: try await reportedBeforeAnswered(engine)
        case .everyRequestIsCompletedOnce: try await completedOnce(engine)
        case .reportsOfAChannelAscendWithoutAGap: try await ascending(engine)
        case .aRepeatIsAnsweredAndNotReported: try await repeated(engine)
        case .aPublicationOutsideTheStreamHasNoPosition: try await outsideTheStream(engine)
        case .theExceptedClientIsNamed: try await excepted(engine)
        case .membersAreReportedInOrder: try await members(engine)
        }
    }

    private func publish(_ channel: ChannelName, _ data: UInt8, key: IdempotencyKey = "") -> EngineRequest {
        .publish(
            EnginePublish(
                channel: channel, publication: Publication(data: [data]), options: EngineConformance.options,
                idempotencyKey: key))
    }

    private func follow(_ channel: ChannelName, _ engine: EngineUnderTest) async {
        _ = await engine.submit(.follow(channel: channel, options: EngineConformance.options), at: Self.now)
    }

    /// The offsets that were reported of a channel, in order.
    private func reports(of channel: ChannelName, _ engine: EngineUnderTest) async -> [UInt64] {
        await engine.events.compactMap { event in
            guard case .publication(channel, let delivery) = event else { return nil }
            return delivery.publication.offset
        }
    }

    private func reportedBeforeAnswered(_ engine: EngineUnderTest) async throws {
        await follow("a", engine)
        _ = try await engine.complete(publish("a", 1), at: Self.now).get()
        // A link may be lost and regained meanwhile, on a machine that gives a broker no time.
        let kinds: [String] = await engine.events.compactMap { event in
            switch event {
            case .publication: "publication"
            case .completed: "completed"
            case .linkLost, .linkRegained, .gap: nil
            case .member: "member"
            }
        }
        try require(kinds, is: ["publication", "completed"], "the order of the reports")
    }

    private func completedOnce(_ engine: EngineUnderTest) async throws {
        var tickets: [UInt64] = []
        for index in 0..<200 {
            tickets.append(await engine.submit(publish(ChannelName("c\(index % 7)"), UInt8(index)), at: Self.now))
            tickets.append(
                await engine.submit(
                    .read(channel: "c0", options: EngineConformance.options, after: nil, limit: 2), at: Self.now))
        }
        // A second completion of a ticket ends the process.
        for ticket in tickets { _ = try await engine.completion(of: ticket, at: Self.now).get() }
        let completed = await engine.events.count { if case .completed = $0 { true } else { false } }
        try require(completed, is: tickets.count, "completions")
    }

    private func ascending(_ engine: EngineUnderTest) async throws {
        await follow("a", engine)
        var tickets: [UInt64] = []
        for index in 0..<100 { tickets.append(await engine.submit(publish("a", UInt8(index)), at: Self.now)) }
        for (index, ticket) in tickets.enumerated() {
            guard case .position(let position) = try await engine.completion(of: ticket, at: Self.now).get() else {
                throw ConformanceFailure(description: "a publish was answered with something else")
            }
            try require(position.offset, is: UInt64(index + 1), "the offset of publish \(index)")
        }
        try require(await reports(of: "a", engine), is: Array(1...100), "the offsets in the order of the reports")
    }

    private func repeated(_ engine: EngineUnderTest) async throws {
        await follow("a", engine)
        let first = try await engine.complete(publish("a", 1, key: "k"), at: Self.now).get()
        let second = try await engine.complete(publish("a", 2, key: "k"), at: Self.now).get()
        try require(second, is: first, "the answer to a repeated key")
        try require(await reports(of: "a", engine), is: [1], "reports")
    }

    private func outsideTheStream(_ engine: EngineUnderTest) async throws {
        await follow("a", engine)
        for (skips, hasHistory) in [(true, true), (false, false)] {
            let options = hasHistory ? EngineConformance.options : ChannelOptions()
            let request = EnginePublish(
                channel: "a", publication: Publication(data: [1]), options: options, skipHistory: skips)
            let outcome = try await engine.complete(.publish(request), at: Self.now).get()
            try require(outcome, is: .position(StreamPosition()), "the answer")
        }
        try require(await reports(of: "a", engine), is: [0, 0], "the offsets that were reported")
        let top = try await engine.complete(
            .read(channel: "a", options: EngineConformance.options, after: nil, limit: 5), at: Self.now
        ).get()
        guard case .read(let read) = top else { throw ConformanceFailure(description: "no read") }
        try require(read.publications.count, is: 0, "publications in the stream")
    }

    private func excepted(_ engine: EngineUnderTest) async throws {
        await follow("a", engine)
        let client = ClientID(high: 1, low: 2)
        let request = EnginePublish(
            channel: "a", publication: Publication(data: [1]), options: EngineConformance.options, except: client)
        _ = try await engine.complete(.publish(request), at: Self.now).get()
        let named = await engine.events.compactMap { event -> ClientID? in
            guard case .publication(_, let delivery) = event else { return nil }
            return delivery.except
        }
        try require(named, is: [client], "the client that does not get it")
    }

    private func members(_ engine: EngineUnderTest) async throws {
        await follow("a", engine)
        let member = ClientInfo(user: "ann", client: "c1")
        _ = await engine.submit(.announce(.join(member), channel: "a"), at: Self.now)
        _ = try await engine.complete(publish("a", 1), at: Self.now).get()
        _ = await engine.submit(.announce(.leave(member), channel: "a"), at: Self.now)
        _ = try await engine.complete(publish("a", 2), at: Self.now).get()
        let changes = await engine.events.compactMap { event -> MemberChange? in
            guard case .member("a", let change) = event else { return nil }
            return change
        }
        try require(changes, is: [.join(member), .leave(member)], "what was reported of members")
    }
}
