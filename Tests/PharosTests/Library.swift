import Logging
import Pharos
import PharosBytes
import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

/// All stories about the library.
///
/// They run one at a time, so that each has the machine to itself.
@Suite("the library", .serialized, .ownThreads, .timeLimit(.minutes(10)))
enum Library {
    /// The configuration of most stories.
    ///
    /// Anonymous clients may do everything in channels without a namespace; `log:` keeps a history, `room:` presence.
    static func configuration() -> PharosServer.Configuration {
        var configuration = PharosServer.Configuration(port: 0)
        configuration.threads = 2
        configuration.shutdownWindow = .zero
        configuration.acceptsAnonymous = true
        var open = PharosServer.Configuration.ChannelRules()
        (open.maySubscribe, open.mayPublish) = (.everyone, .everyone)
        configuration.channels = open
        var log = open
        log.history = .init(size: 1_000, lifetime: .seconds(600))
        configuration[namespace: "log"] = log
        var room = open
        (room.presence, room.joinLeave) = (true, true)
        configuration[namespace: "room"] = room
        return configuration
    }

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs a server for as long as `body` lasts.
    static func serve(
        _ change: (inout PharosServer.Configuration) -> Void = { _ in },
        hooks: (inout PharosServer.Hooks) -> Void = { _ in },
        body: (PharosServer, Int) async throws -> Void
    ) async throws {
        var configuration = configuration()
        change(&configuration)
        let server = PharosServer(configuration: configuration, logger: silent, hooks: hooks)
        let running = Task { try await server.run() }
        do {
            try await body(server, try await server.address.port)
        } catch {
            running.cancel()
            _ = try? await running.value
            throw error
        }
        running.cancel()
        try await running.value
        await #expect(throws: PharosError.stopped) { try await server.publish("1", to: "news") }
    }

    static func client(_ port: Int, query: String = "", headers: [(String, String)] = []) throws -> TestClient {
        try TestClient(SocketLink(port: port), wire: .json, query: query, headers: headers)
    }

    static func connected(_ port: Int, to channels: String...) throws -> TestClient {
        let client = try client(port)
        try client.connect()
        for channel in channels { try client.subscribe(ChannelName(channel)) }
        return client
    }
}

/// The calls of hooks' closures, in order.
///
/// A test waits for as much as it needs.
final class Seen: Sendable {
    private let items = AsyncStream<String>.makeStream()
    private let all = Locked<[String]>([])

    func note(_ item: String) {
        all.withLock { $0.append(item) }
        items.continuation.yield(item)
    }

    var now: [String] { all.withLock { $0 } }

    /// The first `count` items. One task at a time.
    func first(_ count: Int) async -> [String] {
        var known = all.withLock { $0 }
        if known.count < count {
            for await _ in items.stream {
                known = all.withLock { $0 }
                if known.count >= count { break }
            }
        }
        return Array(known.prefix(count))
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The tests of a suite run on threads that they may block.
struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(SpareThreads.shared) { try await function() }
    }
}

extension Trait where Self == OwnThreads {
    static var ownThreads: OwnThreads { OwnThreads() }
}
