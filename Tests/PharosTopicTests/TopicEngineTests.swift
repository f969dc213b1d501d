import PharosBytes
import PharosChannels
import PharosCluster
import PharosDomain
import PharosLinks
import PharosMemory
import PharosTestKit
import Testing

@testable import PharosTopic

/// A topic node and links to it, in this process, over real sockets.
final class TopicRig: Sendable {
    let thread: LinkThread
    let server: TopicServer
    static let secret = Array("a secret of the cluster".utf8)

    init(port: UInt16 = 0, trustsClocks: Bool = true, stores: StreamStores = .inMemory) throws {
        thread = try LinkThread(name: "topic-test")
        var settings = TopicHubSettings(address: "127.0.0.1", port: port, secret: TopicRig.secret)
        settings.trustsClocks = trustsClocks
        server = try TopicServer(
            settings, stores: stores, channel: TopicRig.channel, idempotencyWindowMs: EngineUnderTest.windowMs,
            on: thread)
    }

    static var channel: ChannelSettings {
        var settings = ChannelSettings()
        settings.historyMetaTTL = 0
        return settings
    }

    /// A node's end, not yet begun.
    func backend(
        secret: [UInt8] = TopicRig.secret, observe: @escaping EngineObserver = { _ in }
    ) -> TopicBackend {
        let link = LinkSettings(addresses: [LinkAddress(host: "127.0.0.1", port: server.port)])
        var settings = TopicLinkSettings(link: link, secret: secret, nodeName: "n")
        settings.observe = observe
        return TopicBackend(settings, channel: TopicRig.channel, on: thread)
    }

    func engine(mark: UInt64 = 7) async throws -> EngineUnderTest {
        let backend = backend()
        backend.start(node: mark) { _ in }
        try await TopicRig.wait { backend.isLinked }
        return EngineUnderTest { wake in RemoteEngine(backend, relay: 0, wake: wake) }
    }

    static func wait(_ condition: () -> Bool) async throws {
        for _ in 0..<5_000 where !condition() { try await Task.sleep(for: .milliseconds(2)) }
        try #require(condition())
    }

    func close() {
        server.close()
        thread.stop()
    }
}

@Suite("the engine over a topic node")
struct TopicEngineTests {
    @Test("every guarantee of an engine is kept", arguments: EngineConformance.allCases)
    func conformance(_ guarantee: EngineConformance) async throws {
        let rig = try TopicRig()
        defer { rig.close() }
        let engine = try await rig.engine()
        try await guarantee.check(engine)
    }

    @Test("every guarantee of a stream store is kept", arguments: StreamStoreConformance.allCases)
    func stores(_ guarantee: StreamStoreConformance) async throws {
        let rig = try TopicRig()
        defer { rig.close() }
        let engine = try await rig.engine()
        try await guarantee.check(engine)
    }

    @Test("each publication that was answered is in one batch that is heard of")
    func batches() async throws {
        let rig = try TopicRig()
        defer { rig.close() }
        let batches = Locked<[EngineBatch]>([])
        let backend = rig.backend { batch in batches.withLock { $0.append(batch) } }
        backend.start(node: 3) { _ in }
        try await TopicRig.wait { backend.isLinked }
        let engine = EngineUnderTest { wake in RemoteEngine(backend, relay: 0, wake: wake) }
        let now = EngineUnderTest.moment(0)
        var tickets: [UInt64] = []
        for number in 0..<20 {
            let publish = EnginePublish(
                channel: "news", publication: Publication(data: [UInt8(number)]), options: ChannelOptions())
            tickets.append(await engine.submit(.publish(publish), at: now))
        }
        for ticket in tickets { _ = try await engine.completion(of: ticket, at: now).get() }
        #expect(batches.withLock { $0.map(\.publications).reduce(0, +) } == 20)
    }

    @Test("a node with another secret is refused")
    func wrongSecret() async throws {
        let rig = try TopicRig()
        defer { rig.close() }
        let backend = rig.backend(secret: [1, 2, 3])
        backend.start(node: 1) { _ in }
        try await TopicRig.wait {
            backend.health.links[0].contains("given up") || backend.health.links[0].contains("closed")
        }
        #expect(!backend.isLinked)
    }
}
