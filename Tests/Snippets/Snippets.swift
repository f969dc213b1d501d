// The snippets of the documentation, as a program sees them: `DocumentationTests` looks for every snippet in here, and
// `test_examples.py` runs them until SIGTERM.
import Hummingbird
import Logging
import Pharos
import ServiceLifecycle

func run() async throws {
    var configuration = PharosServer.Configuration(port: 8000)
    configuration.channels.history = .init(size: 100, lifetime: .seconds(600))

    let server = PharosServer(configuration: configuration) { hooks in
        hooks.connect { request in
            .allow(user: "42", channels: ["news"])
        }
    }
    let logger = Logger(label: "app")
    try await ServiceGroup(services: [server], gracefulShutdownSignals: [.sigterm], logger: logger).run()
}

func fileConfiguration() throws -> PharosServer.Configuration {
    let configuration = try PharosServer.Configuration(file: "pharos.yaml")
    return configuration
}

func namespaces() -> PharosServer.Configuration {
    var configuration = PharosServer.Configuration()
    var chat = PharosServer.Configuration.ChannelRules()
    chat.history = .init(size: 100, lifetime: .seconds(600))
    chat.presence = true
    chat.maySubscribe = .users
    chat.mayPublish = .subscribers
    configuration[namespace: "chat"] = chat
    return configuration
}

func hooks(users: any Users, configuration: PharosServer.Configuration) -> PharosServer {
    let server = PharosServer(configuration: configuration) { hooks in
        hooks.pass(cookies: ["session"])
        hooks.connect { request in
            guard let user = try await users.find(session: request.client.cookies["session"]) else {
                return .refuse(code: 401, "log in first")
            }
            return .allow(user: user.id, channels: ["user:\(user.id)"])
        }
        hooks.subscribe(in: ["chat"]) { request in
            try await users.isMember(request.client.user, of: request.channel) ? .allow : .refuse()
        }
        hooks.publish(in: ["chat"]) { request in
            request.data.count > 1_000 ? .refuse(code: 400, "too long") : .allow
        }
        hooks.call { request in
            switch request.method {
            case "time": .result("\(ContinuousClock.now)".debugDescription)
            default: .refuse(code: 404, "no such method")
            }
        }
        hooks.disconnected { moment in
            await users.wentOffline(moment.user)
        }
    }
    return server
}

func calls(server: PharosServer) async throws {
    let position = try await server.publish("{\"text\":\"hello\"}", to: "news")
    let online = try await server.subscriberCount(of: "news")
    let members = try await server.presence(in: "chat:1")
    let missed = try await server.history(of: "chat:1", since: position)
    try await server.send("{\"type\":\"saved\"}", to: .user("42"))
    try await server.subscribe(.user("42"), to: "chat:1")
    try await server.kick(.user("42"), from: "chat:1")
    try await server.disconnect(.user("42"), code: 3503, reason: "banned")
    _ = (online, members, missed)
}

func subscription(server: PharosServer) async throws {
    for await publication in server.subscribe("news") {
        if publication.followsGap { print("something is missing before this one") }
        print(publication.text)
    }
}

func recovery(server: PharosServer, last: Position) async throws {
    let subscription = server.subscribe("news", from: last)
    if try await subscription.started().recovered == false {
        print("the history does not reach back to \(last)")
    }
    for await publication in subscription {
        print(publication.position?.description ?? "", publication.text)
    }
}

struct Reader: Service {
    let server: PharosServer

    func run() async throws {
        for await publication in server.subscribe("news") { print(publication.text) }
    }
}

func group(server: PharosServer, logger: Logger) async throws {
    try await ServiceGroup(
        services: [server, Reader(server: server)], gracefulShutdownSignals: [.sigterm], logger: logger
    ).run()
}

func streamer(server: PharosServer, router: Router<BasicRequestContext>) async throws -> String {
    let streamer = EventStreamer(server: server)
    router.get("stream", use: streamer.respond)

    let id = try streamer.newClient()
    try await streamer.subscribe("prices", client: id)
    return id
}

func streamerBehindLogin(streamer: EventStreamer, router: Router<BasicRequestContext>) {
    router.get("stream") { request, context in
        let user = "the one that your middleware has found out"
        if streamer.client(user) == nil { try streamer.newClient(id: user) }
        return streamer.respond(to: request, as: user)
    }
}

func ids() throws -> UInt64 {
    let ids = try SnowflakeIDs(node: 7)
    let id = try ids.next()
    return id
}

/// Stands for the application's own code.
protocol Users: Sendable {
    func find(session: String?) async throws -> User?
    func isMember(_ user: String, of channel: String) async throws -> Bool
    func wentOffline(_ user: String) async
}

struct User: Sendable {
    var id: String
}
