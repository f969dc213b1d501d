import Hummingbird
import Logging
import Pharos
import PharosBytes
import PharosTestKit
import Testing

/// A Hummingbird application with a streamer at `/stream`.
///
/// It is mounted as a program would do it.
final class StreamerScene: Sendable {
    let server: PharosServer
    let streamer: EventStreamer
    let port: Int
    private let links = Locked<[SocketLink]>([])

    private init(_ server: PharosServer, _ streamer: EventStreamer, port: Int) {
        self.server = server
        self.streamer = streamer
        self.port = port
    }

    /// - Parameter clock: nil: the streamer looks after itself.
    static func play(
        _ change: (inout EventStreamer.Configuration) -> Void = { _ in },
        clock: (@Sendable () -> Int64)? = nil, body: (StreamerScene) async throws -> Void
    ) async throws {
        try await Library.serve { server, _ in
            var configuration = EventStreamer.Configuration()
            change(&configuration)
            let streamer =
                if let clock {
                    EventStreamer(server: server, configuration: configuration, clock: clock)
                } else {
                    EventStreamer(server: server, configuration: configuration)
                }
            let router = Router()
            router.get("stream", use: streamer.respond)
            let (ports, continuation) = AsyncStream<Int>.makeStream()
            let application = Application(
                router: router,
                configuration: .init(address: .hostname("127.0.0.1", port: 0)),
                onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) }, logger: Library.silent)
            let running = Task { try await application.runService(gracefulShutdownSignals: []) }
            var iterator = ports.makeAsyncIterator()
            let scene = StreamerScene(server, streamer, port: await iterator.next() ?? 0)
            let result: Result<Void, any Error>
            do { result = .success(try await body(scene)) } catch { result = .failure(error) }
            scene.cutAll()
            await streamer.close()
            running.cancel()
            _ = try? await running.value
            try result.get()
        }
    }

    /// A page that opens an `EventSource`, as far as the first event.
    func page(_ id: String, last: String? = nil, query: String = "") throws -> Page {
        let link = try SocketLink(port: port)
        links.withLock { $0.append(link) }
        let headers = last.map { [("Last-Event-ID", $0)] } ?? []
        let events = try EventSourceLink(link, "/stream?id=\(id)\(query)", headers: headers)
        return Page(link: link, events: events, first: try events.event())
    }

    /// Waits until the streamer knows that a client is away.
    func left(_ id: String) async {
        while streamer.client(id)?.isConnected == true { await Task.yield() }
    }

    private func cutAll() {
        for link in links.withLock({ $0 }) { link.close() }
    }
}

struct Page {
    let link: SocketLink
    let events: EventSourceLink
    let first: EventSourceLink.Event
}
