import Foundation
import Pharos
import Testing

@Suite("the library's configuration")
struct ConfigurationTests {
    @Test("properties say what they were told")
    func properties() {
        var configuration = PharosServer.Configuration(host: "localhost", port: 1)
        #expect(configuration.host == "127.0.0.1")
        #expect(configuration.tls == nil)
        #expect(configuration.storeDirectory == nil)
        #expect(configuration[namespace: "chat"] == nil)
        configuration.transports = [.events, .longPoll]
        configuration.apiKeys = ["k"]
        configuration.shutdownTimeout = .milliseconds(1_500)
        #expect(configuration.transports == [.events, .longPoll])
        #expect(configuration.apiKeys == ["k"])
        #expect(configuration.shutdownTimeout == .milliseconds(1_500))
        typealias Rules = PharosServer.Configuration.ChannelRules
        for audience in [Rules.Audience.nobody, .subscribers, .users, .everyone] {
            var rules = Rules()
            (rules.mayPublish, rules.mayReadPresence, rules.mayReadHistory) = (audience, audience, audience)
            #expect(rules.mayPublish == audience)
            #expect(rules.mayReadPresence == audience)
            #expect(rules.mayReadHistory == audience)
            rules.maySubscribe = audience
            #expect(rules.maySubscribe == (audience == .subscribers ? .nobody : audience))
        }
        var rules = Rules()
        rules.history = .init(size: 5, lifetime: .seconds(60))
        rules.slowReaders = .latest
        configuration[namespace: "chat"] = rules
        #expect(configuration[namespace: "chat"] == rules)
        #expect(configuration[namespace: "chat"]?.history == .init(size: 5, lifetime: .seconds(60)))
        configuration[namespace: "chat"] = nil
        #expect(configuration[namespace: "chat"] == nil)
    }

    @Test("durations that mean for ever, and those below zero, are held within what can be counted with")
    func extremeDurations() async throws {
        var configuration = PharosServer.Configuration()
        var rules = PharosServer.Configuration.ChannelRules()
        for extreme in [Duration.seconds(Int64.max), .seconds(Int64.min)] {
            let expected = extreme > .zero ? Duration.seconds(315_360_000) : .zero
            configuration.shutdownTimeout = extreme
            configuration.shutdownWindow = extreme
            #expect(configuration.shutdownTimeout == expected)
            #expect(configuration.shutdownWindow == expected)
            rules.history = .init(size: 5, lifetime: extreme)
            #expect(rules.history?.lifetime ?? .zero == expected)
            _ = try SnowflakeIDs(node: 1, leadLimit: extreme).next()
        }
        // A time that is too long is an error with a reason, not the end of the process.
        configuration = Library.configuration()
        configuration[namespace: "log"]?.history = .init(size: 5, lifetime: .seconds(Int64.max))
        let server = PharosServer(configuration: configuration, logger: Library.silent)
        let error = await #expect(throws: (any Error).self) { try await server.run() }
        #expect("\(error!)".contains("history_ttl"))
    }

    @Test("a file is read as the program reads it, and what is wrong in it is named with its line")
    func file() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("pharos-\(UUID()).yaml").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try "http_server:\n  port: 7001\nclient:\n  allowed_origins: [\"https://a.example\"]\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        let configuration = try PharosServer.Configuration(file: path, environment: ["PHAROS_HTTP_SERVER_PORT": "7002"])
        #expect(configuration.port == 7_002)
        #expect(configuration.allowedOrigins == ["https://a.example"])
        try "http_server:\n  prot: 7001\n".write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: (any Error).self) { try PharosServer.Configuration(file: path) }
        #expect("\(error!)".contains(":2"))
        #expect("\(error!)".contains("port"))
    }

    @Test("what a program has put together is judged by the rules of files before anything is opened")
    func rules() async {
        var configuration = PharosServer.Configuration(host: "example.com", port: 0)
        configuration[namespace: "x"] = .init()
        let server = PharosServer(configuration: configuration, logger: Library.silent)
        let error = await #expect(throws: (any Error).self) { try await server.run() }
        #expect("\(error!)".contains("http_server.address"))
        #expect("\(error!)".contains("namespaces[0].name"))
    }
}
