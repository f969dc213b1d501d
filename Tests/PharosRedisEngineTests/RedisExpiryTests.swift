import PharosDomain
import PharosTestKit
import Testing

@testable import PharosRedisEngine

/// The guarantees that need time to pass.
///
/// With real seconds, since the server's clock decides.
@Suite(
    "times of the engine over Redis",
    .enabled(if: RedisProcess.path != nil, "PHAROS_REDIS_SERVER names no redis-server"))
struct RedisExpiryTests {
    private func request(
        _ text: String, ttlMs: Int64, metaTTLMs: Int64, key: IdempotencyKey = ""
    ) -> EnginePublish {
        EnginePublish(
            channel: "news", publication: Publication(data: Array(text.utf8)),
            options: EngineUnderTest.options(StreamRetention(size: 1_000, ttlMs: ttlMs, metaTTLMs: metaTTLMs)),
            idempotencyKey: key)
    }

    private func publish(_ node: TestNode, _ request: EnginePublish) async throws -> StreamPosition {
        guard case .position(let position) = try await node.relay.complete(.publish(request)) else {
            throw TestFailure("no position")
        }
        return position
    }

    private func read(_ node: TestNode, like request: EnginePublish) async throws -> StreamRead {
        let read = EngineRequest.read(channel: "news", options: request.options, after: nil, limit: 5_000)
        guard case .read(let read) = try await node.relay.complete(read) else { throw TestFailure("no read") }
        return read
    }

    @Test("entries expire one by one, those of a stream that is written all the time as well")
    func entries() async throws {
        let server = try RedisProcess()
        let node = try TestNode(server)
        let request = request("x", ttlMs: 2_000, metaTTLMs: 60_000)
        let first = try await publish(node, request)
        for _ in 0..<150 { _ = try await publish(node, request) }
        try await Task.sleep(for: .milliseconds(1_200))
        let start = ContinuousClock.now
        let last = try await publish(node, request)
        #expect(last == StreamPosition(offset: 152, epoch: first.epoch))
        try await Task.sleep(for: .milliseconds(1_200))
        let read = try await read(node, like: request)
        #expect(read.top == last)
        // A machine with too much to do may be later than the last one's end.
        let isInTime = start.duration(to: .now) < .milliseconds(2_000)
        if isInTime { #expect(read.publications.map(\.offset) == [152]) }
    }

    @Test("the top outlives the publications, until the time of the meta is over")
    func meta() async throws {
        let server = try RedisProcess()
        let node = try TestNode(server)
        let request = request("x", ttlMs: 1_000, metaTTLMs: 3_000)
        let start = ContinuousClock.now
        let first = try await publish(node, request)
        try await Task.sleep(for: .milliseconds(1_500))
        let read = try await read(node, like: request)
        let second = try await publish(node, request)
        #expect(read.publications.isEmpty)
        if start.duration(to: .now) < .milliseconds(3_000) {
            #expect(read.top == first)
            #expect(second == StreamPosition(offset: 2, epoch: first.epoch))
        }
        try await Task.sleep(for: .milliseconds(3_500))
        let next = try await publish(node, request)
        #expect(next.offset == 1)
        #expect(next.epoch != second.epoch)
    }

    @Test("a key ends with its window")
    func key() async throws {
        let server = try RedisProcess()
        let node = try TestNode(server) { $0.idempotencyWindowMs = 1_000 }
        let request = request("x", ttlMs: 60_000, metaTTLMs: 60_000, key: "k")
        let start = ContinuousClock.now
        let first = try await publish(node, request)
        let second = try await publish(node, request)
        if start.duration(to: .now) < .milliseconds(1_000) { #expect(second == first) }
        try await Task.sleep(for: .milliseconds(1_500))
        #expect(try await publish(node, request).offset == second.offset + 1)
    }
}
