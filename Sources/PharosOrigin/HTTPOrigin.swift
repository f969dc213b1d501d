package import NIOCore
package import PharosDomain

/// The application behind HTTP.
///
/// It asks questions, sends events, and delivers the messages of raw connections, each to the origin of that name.
///
/// Questions may come from any thread; answers come on an event loop of the group. An origin has one loop of its own,
/// so that a question costs no more than a hop there. A question that is not answered for whatever reason is
/// `unavailable`: no client is let in unasked.
package final class HTTPOrigin: Origin, RawOrigin, EventSender {
    private let pools: [OriginName: OriginPool]
    /// The event loop for questions to origins that do not exist.
    private let loop: any EventLoop

    /// - Parameters:
    ///   - node: names this node in what is sent.
    ///   - group: must outlive `shutdown`.
    ///   - report: gets the reports for an operator, on an event loop; must not block, and is called for each failure.
    /// - Throws: for an address that is none, and for a file of authorities that cannot be read.
    package init(
        _ settings: [OriginSettings], node: String, group: any EventLoopGroup,
        report: @escaping @Sendable (OriginReport) -> Void = { _ in }
    ) throws {
        var pools: [OriginName: OriginPool] = [:]
        for origin in settings {
            pools[origin.name] = try OriginPool(origin, node: node, loop: group.next(), report: report)
        }
        self.pools = pools
        loop = group.any()
    }

    package func ask(_ request: HookRequest, of name: OriginName, answer: @escaping @Sendable (HookOutcome) -> Void) {
        guard let pool = pools[name] else { return loop.execute { answer(.unavailable) } }
        let kind = request.question.kind
        var asker = OriginAsker()
        (asker.client, asker.user, asker.address) = (request.client, request.user, request.peer)
        pool.submit(.ask(kind, answer), lane: OriginLane(kind), for: asker, request: pool.builder.ask(request))
    }

    package func deliver(_ event: RawEvent, to name: OriginName, answer: @escaping @Sendable (RawAnswer) -> Void) {
        guard let pool = pools[name] else { return loop.execute { answer(.failed) } }
        var asker = OriginAsker()
        (asker.client, asker.address) = (event.connection, event.peer)
        pool.submit(.raw(answer), lane: .raw, for: asker, request: pool.builder.raw(event))
    }

    package func send(_ events: [NumberedEvent], to origin: OriginName) async -> Bool {
        guard let pool = pools[origin] else { return false }
        return await pool.tell(pool.builder.events(events))
    }

    package func sendKeepAlive(_ clients: [ClientName], sequence: UInt64, to origin: OriginName) async -> Bool {
        guard let pool = pools[origin] else { return false }
        return await pool.tell(pool.builder.keepAlive(clients, sequence: sequence))
    }

    /// How the requests have gone since start, for every origin and lane that was used.
    package func counters() -> [OriginCounters] {
        pools.sorted { $0.key < $1.key }.flatMap(\.value.counters)
    }

    /// Answers everything that is open with `unavailable`, and closes all connections.
    ///
    /// Later questions get the same.
    package func shutdown() async {
        for pool in pools.values { try? await pool.shutDown().get() }
    }
}

extension OriginPool {
    /// Sends all of `requests` and says whether each was acknowledged.
    ///
    /// nil: the origin's form has none.
    fileprivate func tell(_ requests: [ByteBuffer]?) async -> Bool {
        guard let requests else { return false }
        return await withTaskGroup(of: Bool.self) { group in
            for request in requests {
                group.addTask {
                    await withCheckedContinuation { told in
                        self.submit(
                            .tell { told.resume(returning: $0) }, lane: .events, request: request, isRepeatable: true)
                    }
                }
            }
            return await group.allSatisfy { $0 }
        }
    }
}
