import NIOCore
import PharosAPI
import PharosTransports
import Synchronization
import Testing

@Suite struct HandOverTests {
    private let request = "POST /api/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{\"a\":1}"

    @Test("a request may be split anywhere between what was read before and what comes after")
    func splits() async throws {
        let server = try TestServer()
        let bytes = Array(request.utf8)
        for split in 0...bytes.count {
            let client = try await server.client(alreadyRead: bytes[..<split])
            if split < bytes.count { try await client.send(bytes[split...]) }
            let answer = try #require(await client.answer(), "split at \(split)")
            #expect(answer.status == 200)
            #expect(server.backend.calls.last?.body == Array(#"{"a":1}"#.utf8))
            await client.close()
        }
        #expect(server.backend.calls.count == bytes.count + 1)
    }

    @Test("requests that were read together are answered in order, and the connection goes on")
    func pipelined() async throws {
        let server = try TestServer()
        let two = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n" + request + "GET /nowhere HT"
        let client = try await server.client(alreadyRead: two.utf8)
        try await client.send("TP/1.1\r\nHost: x\r\n\r\n")
        #expect(await client.answer()?.text == "{}")
        #expect(await client.answer()?.text == #"{"result":{}}"#)
        #expect(await client.answer()?.status == 404)
        #expect(try await client.request("GET", "/health")?.status == 200)
        await client.close()
    }

    @Test("a client that closes its sending side still gets the answer")
    func halfClosed() async throws {
        let server = try TestServer()
        let client = try await server.client()
        try await client.send("GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try await client.channel.close(mode: .output).get()
        #expect(await client.answer()?.status == 200)
        #expect(await client.receiveAll().isEmpty)
        await client.close()
    }

    @Test("connections over the limit are closed and counted")
    func limit() async throws {
        let server = try TestServer(connectionLimit: 2)
        let first = try await server.client()
        let second = try await server.client()
        #expect(try await first.request("GET", "/health")?.status == 200)
        #expect(try await second.request("GET", "/health")?.status == 200)
        let third = try await server.client()
        #expect(await third.receiveAll().isEmpty)
        #expect(server.handOver.refusedCount == 1)
        #expect(server.handOver.connectionCount == 2)
        await first.close()
        await second.close()
        await third.close()
    }

    @Test("a shutdown lets a request finish, closes idle connections and adopts nothing more")
    func shutdown() async throws {
        let backend = FakeBackend()
        let gate = AsyncStream<Void>.makeStream()
        let entered = AsyncStream<Void>.makeStream()
        backend.state.withLock { state in
            state.beforeAnswer = {
                entered.continuation.finish()
                for await _ in gate.stream {}
            }
        }
        let server = try TestServer(backend: backend)
        let idle = try await server.client()
        #expect(try await idle.request("GET", "/health")?.status == 200)
        let busy = try await server.client()
        try await busy.send(request)
        for await _ in entered.stream {}
        let handOver = server.handOver
        async let stopped: Void = handOver.shutdown(gracePeriod: .seconds(60))
        #expect(await idle.receiveAll().isEmpty)
        gate.continuation.finish()
        #expect(await busy.answer()?.status == 200)
        #expect(await busy.receiveAll().isEmpty)
        await stopped
        #expect(server.handOver.connectionCount == 0)
        let late = try await server.client()
        #expect(await late.receiveAll().isEmpty)
        for client in [idle, busy, late] { await client.close() }
    }

    @Test("a request whose body does not arrive is closed when its time is over")
    func bodyTimeout() async throws {
        var limits = HTTPService.Limits()
        limits.bodyTimeout = .milliseconds(50)
        let client = try await TestServer(limits: limits).client()
        try await client.send("POST /api/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{")
        #expect(await client.receiveAll().isEmpty)
        await client.close()
    }
}
