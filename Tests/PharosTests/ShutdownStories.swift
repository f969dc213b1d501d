import Hummingbird
import Logging
import Pharos
import PharosBytes
import PharosTestKit
import ServiceLifecycle
import Testing

extension Library {
    /// Every program ends in good order when it is asked to.
    ///
    /// `ServiceGroup.run` throws if a service ends before its turn.
    @Suite("graceful shutdown", .timeLimit(.minutes(1)))
    struct Shutdown {
        /// The services that a program may have in its group.
        enum Part: String, CaseIterable, Sendable {
            case server, reader, otherReader, pages
        }

        /// All of them in every order, and each reader alone with the server.
        static let orders: [[Part]] =
            permutations(Part.allCases) + permutations([.server, .reader]) + permutations([.server, .pages])

        private static func permutations(_ parts: [Part]) -> [[Part]] {
            guard parts.count > 1 else { return [parts] }
            return parts.indices.flatMap { index in
                var rest = parts
                let first = rest.remove(at: index)
                return permutations(rest).map { [first] + $0 }
            }
        }
    }
}

extension Library.Shutdown {
    @Test("readers and open streams end with the group, wherever they stand in it", arguments: orders)
    func order(_ order: [Part]) async throws {
        try await play(order) { scene in
            while try await scene.server.subscriberCount(of: "news") < scene.listeners { await Task.yield() }
            try await scene.server.publish("1", to: "news")
            for reader in scene.readers { #expect(await reader.seen.first(1) == ["1"]) }
            for page in scene.open { #expect(try page.event().data == "1") }
        }
    }

    @Test(
        "what has arrived is still read, also after the server's end",
        arguments: [[Part.server, .reader], [.reader, .server]])
    func backlog(_ order: [Part]) async throws {
        let numbers = (1...100).map { "\($0)" }
        let gate = Gate()
        var readers: [Reader] = []
        try await play(order, gate: gate) { scene in
            readers = scene.readers
            while try await scene.server.subscriberCount(of: "news") < 1 { await Task.yield() }
            try await scene.server.publish(contentsOf: numbers.map { bytes($0) }, to: "news")
            // The reader is busy with the first of them when the end begins.
            #expect(await readers[0].seen.first(1) == ["1"])
        } afterwards: {
            gate.open()
        }
        #expect(readers[0].seen.now == numbers)
        // The last in the group is asked first: it ends by itself, or by the server's end.
        #expect((readers[0].subscription.failure == nil) == (order[0] == .server))
    }

    @Test("a reader outside of the group ends with the server, and does not wait for a turn that never comes")
    func outside() async throws {
        let server = PharosServer(configuration: Library.configuration(), logger: Library.silent)
        let group = ServiceGroup(services: [server], logger: Library.silent)
        let running = Task { try await group.run() }
        let reading = Task { for await _ in server.subscribe("news") {} }
        while try await server.subscriberCount(of: "news") < 1 { await Task.yield() }
        await group.triggerGracefulShutdown()
        try await running.value
        await reading.value
        await #expect(throws: PharosError.stopped) { try await server.publish("1", to: "news") }
    }

    /// The waits for a server that does not run.
    enum Patience: CaseIterable, Sendable {
        case reading, starting, calling, streaming
    }

    @Test("what waits for a server that never runs ends as well", arguments: Patience.allCases)
    func withoutServer(_ patience: Patience) async throws {
        let server = PharosServer(configuration: Library.configuration(), logger: Library.silent)
        let streamer = EventStreamer(server: server)
        let begun = Gate()
        let service = Work {
            begun.open()
            switch patience {
            case .reading: for await _ in server.subscribe("news") {}
            case .starting: await #expect(throws: PharosError.stopped) { try await server.subscribe("news").started() }
            case .calling: await #expect(throws: PharosError.stopped) { try await server.publish("1", to: "news") }
            case .streaming:
                let id = try streamer.newClient()
                await #expect(throws: EventStreamer.Failure.self) { try await streamer.subscribe("news", client: id) }
            }
        }
        let group = ServiceGroup(services: [service], logger: Library.silent)
        let running = Task { try await group.run() }
        await begun.opened()
        await group.triggerGracefulShutdown()
        try await running.value
    }

    @Test("a service that calls until calls fail ends in its turn", arguments: [true, false])
    func calls(_ isFirst: Bool) async throws {
        let server = PharosServer(configuration: Library.configuration(), logger: Library.silent)
        let begun = Gate()
        let caller = Work {
            do {
                while !Task.isShuttingDownGracefully {
                    try await server.publish("1", to: "news")
                    begun.open()
                }
            } catch {
                #expect(error as? PharosError == .stopped)
            }
        }
        let group = ServiceGroup(services: isFirst ? [caller, server] : [server, caller], logger: Library.silent)
        let running = Task { try await group.run() }
        await begun.opened()
        await group.triggerGracefulShutdown()
        try await running.value
    }

    @Test("a page that reads nothing does not hold up the end")
    func stalledPage() async throws {
        try await play([.server, .pages]) { scene in
            let id = try scene.streamer.newClient()
            try await scene.streamer.subscribe("flood", client: id)
            let link = try SocketLink(port: scene.port, receiveBuffer: 4_096)
            try link.send(bytes("GET /stream?id=\(id) HTTP/1.1\r\nHost: x\r\n\r\n"))
            scene.keep(link)
            let half = [UInt8](repeating: 65, count: 500_000)
            // More than any buffers between here and there take.
            while scene.streamer.client(id)?.isConnected != true { await Task.yield() }
            for _ in 0..<64 { try await scene.server.publish(half, to: "flood") }
        }
    }

    @Test("a response that is a subscription ends with the application", arguments: [true, false])
    func response(_ serverIsFirst: Bool) async throws {
        let server = PharosServer(configuration: Library.configuration(), logger: Library.silent)
        let router = Router()
        router.get("lines") { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    for await publication in server.subscribe("news") {
                        try await writer.write(ByteBuffer(string: publication.text + "\n"))
                    }
                    try await writer.finish(nil)
                })
        }
        let (ports, told) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { told.yield($0.localAddress?.port ?? 0) }, logger: Library.silent)
        let services: [any Service] = serverIsFirst ? [server, application] : [application, server]
        let group = ServiceGroup(services: services, logger: Library.silent)
        let running = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let link = try SocketLink(port: await iterator.next() ?? 0)
        try link.send(bytes("GET /lines HTTP/1.1\r\nHost: x\r\n\r\n"))
        while try await server.subscriberCount(of: "news") < 1 { await Task.yield() }
        await group.triggerGracefulShutdown()
        try await running.value
        link.close()
    }
}

// MARK: The programs

extension Library.Shutdown {
    /// Reads a channel in a `for await`, as the documentation has it.
    final class Reader: Service {
        let subscription: PharosServer.Subscription
        let seen = Seen()
        private let gate: Gate?

        init(_ server: PharosServer, gate: Gate?) {
            subscription = server.subscribe("news")
            self.gate = gate
        }

        func run() async throws {
            for await publication in subscription {
                seen.note(publication.text)
                await gate?.opened()
            }
        }
    }

    struct Work: Service {
        let body: @Sendable () async throws -> Void

        init(_ body: @escaping @Sendable () async throws -> Void) { self.body = body }

        func run() async throws { try await body() }
    }

    final class Gate: Sendable {
        private let stream = AsyncStream<Void>.makeStream()

        func open() { stream.continuation.finish() }

        func opened() async { for await _ in stream.stream {} }
    }

    struct Scene: Sendable {
        let server: PharosServer
        let streamer: EventStreamer
        let readers: [Reader]
        let open: [EventSourceLink]
        /// Of the application with the pages.
        let port: Int
        fileprivate let links: Locked<[SocketLink]>

        var listeners: Int { readers.count + open.count }

        func keep(_ link: SocketLink) { links.withLock { $0.append(link) } }
    }

    /// Runs a program, and ends it while everything is under way.
    ///
    /// It waits for its end.
    private func play(
        _ order: [Part], gate: Gate? = nil, body: (Scene) async throws -> Void, afterwards: () -> Void = {}
    ) async throws {
        let server = PharosServer(configuration: Library.configuration(), logger: Library.silent)
        let streamer = EventStreamer(server: server)
        let router = Router()
        router.get("stream", use: streamer.respond)
        let (ports, told) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { told.yield($0.localAddress?.port ?? 0) }, logger: Library.silent)
        var readers: [Reader] = []
        let services: [any Service] = order.map { part in
            switch part {
            case .server: return server
            case .pages: return application
            case .reader, .otherReader:
                readers.append(Reader(server, gate: gate))
                return readers[readers.count - 1]
            }
        }
        let group = ServiceGroup(services: services, logger: Library.silent)
        let running = Task { try await group.run() }
        let links = Locked<[SocketLink]>([])
        var open: [EventSourceLink] = []
        var port = 0
        if order.contains(.pages) {
            var iterator = ports.makeAsyncIterator()
            port = await iterator.next() ?? 0
            let id = try streamer.newClient()
            try await streamer.subscribe("news", client: id)
            let link = try SocketLink(port: port)
            links.withLock { $0.append(link) }
            let page = try EventSourceLink(link, "/stream?id=\(id)")
            _ = try page.event()
            open.append(page)
        }
        let scene = Scene(
            server: server, streamer: streamer, readers: readers, open: open, port: port, links: links)
        let result: Result<Void, any Error>
        do { result = .success(try await body(scene)) } catch { result = .failure(error) }
        await group.triggerGracefulShutdown()
        afterwards()
        try await running.value
        // The streams have ended as they should, not by a cut.
        for page in open { while try page.next() != nil {} }
        for link in links.withLock({ $0 }) { link.close() }
        try result.get()
    }
}
