import Foundation
import Hummingbird
import Logging
import Pharos
import ServiceLifecycle

/// A chat room with a live count of who is online.
///
/// The application decides in closures who comes in and what is said; Pharos keeps the connections.
@main
enum Chat {
    static func main() async throws {
        let environment = ProcessInfo.processInfo.environment
        let port = environment["PORT"].flatMap(Int.init) ?? 8_080
        let pharosPort = environment["PHAROS_PORT"].flatMap(Int.init) ?? 8_000
        let logger = Logger(label: "chat")

        let (changes, change) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let server = PharosServer(configuration: configuration(pharosPort, page: port), logger: logger) { hooks in
            hooks.connect { request in
                guard let hello = try? JSONDecoder().decode(Hello.self, from: Data(request.data)) else {
                    return .refuse(code: 400, "say who you are")
                }
                let name = hello.name.trimmingCharacters(in: .whitespaces)
                guard 1...30 ~= name.count else { return .refuse(code: 400, "a name of at most 30 letters") }
                return .allow(user: name, channels: [Room.talk, Room.online])
            }
            hooks.publish { request in
                guard request.channel == Room.talk else { return .refuse() }
                let said = try JSONDecoder().decode(Said.self, from: Data(request.data))
                guard 1...500 ~= said.text.count else { return .refuse(code: 400, "at most 500 letters") }
                // The sender's name is for the server to give.
                let line = Line(from: request.client.user, text: said.text)
                return .allow(data: Array(try JSONEncoder().encode(line)))
            }
            hooks.subscribed { _ in change.yield() }
            hooks.unsubscribed { _ in change.yield() }
        }

        let router = Router()
        router.get("/") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: Page.html(pharosPort: pharosPort))))
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
        try await ServiceGroup(
            services: [server, application, OnlineCount(server: server, changes: changes)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger
        ).run()
    }

    private static func configuration(_ port: Int, page: Int) -> PharosServer.Configuration {
        var configuration = PharosServer.Configuration(port: port)
        configuration.allowedOrigins = ["http://127.0.0.1:\(page)", "http://localhost:\(page)"]
        // A client that comes late sees the last lines.
        configuration.channels.history = .init(size: 50, lifetime: .seconds(3_600))
        configuration.channels.mayReadHistory = .subscribers
        return configuration
    }
}

enum Room {
    static let talk = "talk"
    static let online = "online"
}

/// Tells everybody how many are online, whenever that has changed.
struct OnlineCount: Service {
    let server: PharosServer
    let changes: AsyncStream<Void>

    func run() async throws {
        for await _ in changes.cancelOnGracefulShutdown() {
            do {
                let count = try await server.subscriberCount(of: Room.talk)
                try await server.publish("{\"online\":\(count)}", to: Room.online)
            } catch {
                return
            }
        }
    }
}

struct Hello: Decodable {
    var name: String
}

struct Said: Decodable {
    var text: String
}

struct Line: Encodable {
    var from: String
    var text: String
}
