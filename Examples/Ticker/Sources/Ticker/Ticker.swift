import Foundation
import Hummingbird
import Logging
import Pharos
import ServiceLifecycle

/// Prices over EventSource, inside a Hummingbird application.
///
/// The application has a login of its own.
///
/// Pharos opens no port here: the application's router and middleware are the only way in.
@main
enum Ticker {
    static func main() async throws {
        let port = ProcessInfo.processInfo.environment["PORT"].flatMap(Int.init) ?? 8_080
        let logger = Logger(label: "ticker")

        var configuration = PharosServer.Configuration()
        configuration.isListening = false
        configuration[namespace: "price"] = .init()
        let server = PharosServer(configuration: configuration, logger: logger)
        let streamer = EventStreamer(server: server)
        let logins = Logins()

        let router = Router(context: LoginContext.self)
        router.get("/") { _, _ in Page.response }
        router.post("/login") { request, _ in
            let form = try await request.body.collect(upTo: 1_024)
            guard form == ByteBuffer(string: "user=ann&password=secret") else { throw HTTPError(.unauthorized) }
            let session = await logins.begin(user: "ann")
            return Response(
                status: .noContent, headers: [.setCookie: "session=\(session); HttpOnly; SameSite=Strict; Path=/"])
        }
        // Everything below is behind the login.
        let inside = router.group().add(middleware: LoginMiddleware(logins: logins))
        inside.get("/prices") { request, context in
            let client = try context.session
            if streamer.client(client) == nil { try streamer.newClient(id: client) }
            return streamer.respond(to: request, as: client)
        }
        inside.put("/prices/:symbol") { _, context in
            let (client, symbol) = (try context.session, try context.parameters.require("symbol"))
            if streamer.client(client) == nil { try streamer.newClient(id: client) }
            try await streamer.subscribe("price:\(symbol)", client: client)
            return HTTPResponse.Status.noContent
        }
        inside.delete("/prices/:symbol") { _, context in
            try streamer.unsubscribe("price:\(try context.parameters.require("symbol"))", client: try context.session)
            return HTTPResponse.Status.noContent
        }

        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
        try await ServiceGroup(
            services: [server, application, Market(server: server)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    }
}

/// Prices that walk at random.
struct Market: Service {
    let server: PharosServer

    func run() async throws {
        var prices = ["ACME": 100.0, "INIT": 42.0]
        let ticks = AsyncTimer(every: .milliseconds(250))
        for await _ in ticks.cancelOnGracefulShutdown() {
            for symbol in prices.keys.sorted() {
                let price = max(1, prices[symbol]! + .random(in: -1...1))
                prices[symbol] = price
                let json = "{\"symbol\":\"\(symbol)\",\"price\":\(String(format: "%.2f", price))}"
                _ = try? await server.publish(json, to: "price:\(symbol)")
            }
        }
    }
}

/// Ticks until the task is cancelled.
struct AsyncTimer: AsyncSequence, AsyncIteratorProtocol, Sendable {
    let every: Duration

    func makeAsyncIterator() -> AsyncTimer { self }

    mutating func next() async -> ContinuousClock.Instant? {
        guard (try? await Task.sleep(for: every)) != nil else { return nil }
        return .now
    }
}
