import PharosConfiguration
import PharosDomain
import Testing

@Suite("Development mode")
struct DevelopmentTests {
    @Test("--dev opens everything on this machine and says so")
    func opens() throws {
        let loaded = try load(overrides: [("http_server.port", "9100")], development: true)
        let settings = loaded.configuration.settings
        #expect(settings.edge.address == "127.0.0.1")
        #expect(settings.client.insecure)
        #expect(settings.api.insecure)
        #expect(settings.client.allowedOrigins == ["loopback"])
        let options = settings.channel.withoutNamespace
        #expect(options.presence && options.joinLeave && options.forceRecovery && options.allowRecovery)
        #expect(options.historySize == 100 && options.historyTTL == 300)
        #expect(settings.channel.namespaces.isEmpty)
        let transports = settings.transports
        #expect(transports.httpStream && transports.sse && transports.events && transports.poll)
        #expect(loaded.developmentOpenings.count == 7)
        #expect(loaded.developmentOpenings[0].contains("without a token"))
        #expect(loaded.origin(of: "client.insecure") == .development)
        #expect(loaded.notices.isEmpty)
    }

    @Test("the sources may close what --dev opens, and the report follows")
    func closesAgain() throws {
        let loaded = try load(
            "client: {insecure: false, allowed_origins: []}\nhttp_api: {insecure: false, key: k}\n", development: true)
        #expect(!loaded.configuration.settings.client.insecure)
        #expect(!loaded.configuration.settings.api.insecure)
        #expect(loaded.configuration.settings.client.allowedOrigins.isEmpty)
        #expect(loaded.developmentOpenings.count == 4)
    }

    @Test("--dev keeps history in memory and says so, unless it is given a directory")
    func developmentStore() throws {
        let plain = try load(development: true)
        #expect(plain.configuration.settings.store.path.isEmpty && !plain.configuration.storesOnDisk)
        #expect(plain.developmentOpenings.contains { $0.contains("history lives in memory") })
        let given = try load(overrides: [("store.path", "data")], development: true)
        #expect(given.configuration.settings.store.path == "data" && given.configuration.storesOnDisk)
        #expect(!given.developmentOpenings.contains { $0.contains("history lives in memory") })
    }

    @Test("--dev refuses to listen for other machines", arguments: ["0.0.0.0", "::", "192.168.1.4"])
    func loopbackOnly(address: String) {
        let found = problems(overrides: [("http_server.address", address)], development: true)
        #expect(found.count == 1 && found[0].contains("http_server.address") && found[0].contains("--dev"))
        #expect(problems(overrides: [("http_server.address", address)]) == [])
    }

    @Test("--dev accepts every address of the loopback", arguments: ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
    func loopback(address: String) {
        #expect(problems(overrides: [("http_server.address", address)], development: true) == [])
    }

    @Test("GE-7: a fresh server lets nobody do anything, and says so")
    func closedByDefault() throws {
        let loaded = try load()
        let configuration = loaded.configuration
        #expect(configuration == PharosConfiguration())
        let settings = configuration.settings
        // The one thing that a fresh process has and a fresh value has not: a place for what it promises to keep.
        var bare = settings
        bare.store.path = ""
        #expect(bare == ServerSettings())
        #expect(settings.edge.address == "127.0.0.1" && settings.edge.tls == nil)
        #expect(!settings.client.insecure && !settings.client.allowAnonymousConnectWithoutToken)
        #expect(settings.client.allowedOrigins.isEmpty && settings.client.userIDHTTPHeader.isEmpty)
        #expect(settings.api.keys.isEmpty && !settings.api.insecure)
        #expect(!configuration.tokens.hasKey && configuration.subscriptionTokens == nil)
        #expect(settings.channel.namespaces.isEmpty && settings.channel.withoutNamespace == ChannelOptions())
        #expect(settings.transports == TransportSettings() && !settings.transports.sse && !settings.transports.poll)
        let endpoints = configuration.endpoints
        #expect(!endpoints.health && !endpoints.prometheus && !endpoints.openAPI && !endpoints.demo)
        #expect(loaded.developmentOpenings.isEmpty)
        #expect(loaded.notices.contains { $0.contains("every token is refused") })
        #expect(loaded.notices.contains { $0.contains("server API is refused") })
        #expect(loaded.notices.contains { $0.contains("browsers cannot connect") })
    }

    @Test("what is insecure outside of development is named at start")
    func insecureIsNamed() throws {
        let loaded = try load("client: {insecure: true}\nhttp_api: {insecure: true}\n")
        #expect(loaded.notices.count == 2)
        #expect(loaded.developmentOpenings.isEmpty)
    }
}
