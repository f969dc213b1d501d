import PharosNATS
import Testing

/// The end of subscriptions without losing what is on its way.
@Suite("NATS drain")
struct NATSDrainTests {
    @Test("messages before the PONG are given out, requests end, and publishing goes on until close")
    func drain() throws {
        let scene = try SessionScene.ready()
        _ = try scene.subscribe(to: "a")
        _ = try scene.subscribe(to: "b")
        let ticket = try scene.request("ask", within: 500)
        _ = scene.sent
        try scene.session.drain()
        try scene.session.drain()
        #expect(scene.sent == "UNSUB 2\r\nUNSUB 3\r\nPING\r\n")
        #expect(throws: NATSOrderError.draining) { try scene.subscribe(to: "c") }
        #expect(throws: NATSOrderError.draining) { try scene.request("c") }
        scene.server("MSG a 2 1\r\nx\r\nPONG\r\nMSG b 3 1\r\ny\r\n")
        #expect(scene.events == [.to(2, "a", "x")])
        try scene.session.publish([], to: "last")
        #expect(scene.sent == "PUB last 0\r\n\r\n")
        scene.pass(500)
        #expect(scene.events == [.answer(ticket, .timedOut), .drained])
        scene.session.close()
        #expect(scene.events == [.closed(.closed)])
        #expect(scene.session.subscriptions.count == 0)
    }

    @Test("a PONG for an earlier PING does not end it")
    func earlierPing() throws {
        let scene = try SessionScene.ready()
        _ = try scene.subscribe(to: "a")
        scene.pass(20_000)
        try scene.session.drain()
        scene.server("PONG\r\nMSG a 2 1\r\nx\r\n")
        #expect(scene.events == [.to(2, "a", "x")])
        scene.server("PONG\r\n")
        #expect(scene.events == [.drained])
    }

    @Test("a connection that is lost meanwhile leaves no subscriptions for the next one")
    func lost() throws {
        let scene = try SessionScene.ready()
        _ = try scene.subscribe(to: "a")
        try scene.session.drain()
        scene.session.disconnected()
        #expect(scene.events == [.closed(.disconnected)])
        #expect(scene.session.subscriptions.count == 0)
    }
}
