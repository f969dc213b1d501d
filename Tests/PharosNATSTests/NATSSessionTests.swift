import PharosNATS
import Testing

/// A connection from INFO to its end.
@Suite("NATS session")
struct NATSSessionTests {
    private var info: NATSInfo {
        var info = NATSInfo()
        (info.serverName, info.version, info.supportsHeaders, info.maxPayload) = ("n1", "2.15.1", true, 64)
        return info
    }

    @Test("INFO, CONNECT and PING, PONG: ready")
    func connecting() throws {
        let scene = try SessionScene()
        #expect(scene.sent.isEmpty)
        #expect(scene.session.nextDeadlineMs == 6_000)
        scene.server(SessionScene.info)
        #expect(scene.session.state == .connecting)
        #expect(scene.sent == SessionScene.connect + "PING\r\n")
        #expect(scene.events.isEmpty)
        scene.server("PONG\r\n")
        #expect(scene.session.state == .ready)
        #expect(scene.events == [.ready(info)])
        #expect(scene.session.nextDeadlineMs == 21_000)
    }

    @Test("publications, subscriptions and their messages")
    func messages() throws {
        let scene = try SessionScene.ready()
        _ = scene.sent
        #expect(try scene.subscribe(to: "a.*") == 2)
        #expect(try scene.subscribe(to: "b", queue: "q") == 3)
        try scene.session.publish(Array("hi".utf8), to: "a.x", reply: "b")
        try scene.session.publish([], to: "b", headers: NATSHeaders("A: b"))
        #expect(
            scene.sent == "SUB a.* 2\r\nSUB b q 3\r\nPUB a.x b 2\r\nhi\r\nHPUB b 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n")
        scene.server("MSG a.x 2 1\r\nx\r\nMSG b 3 1\r\ny\r\nMSG c 9 1\r\nz\r\n")
        #expect(scene.events == [.to(2, "a.x", "x"), .to(3, "b", "y")])
        try scene.session.unsubscribe(2)
        #expect(scene.sent == "UNSUB 2\r\n")
        scene.server("MSG a.x 2 1\r\nx\r\n")
        #expect(scene.events.isEmpty)
        #expect(throws: NATSOrderError.unknownSubscription) { try scene.session.unsubscribe(2) }
    }

    @Test("a subscription that ends after some messages, counted from where it stands")
    func maximum() throws {
        let scene = try SessionScene.ready()
        let subscription = try scene.subscribe(to: "a")
        scene.server("MSG a 2 1\r\n1\r\n")
        _ = (scene.sent, scene.events)
        try scene.session.unsubscribe(subscription, after: 2)
        #expect(scene.sent == "UNSUB 2 3\r\n")
        scene.server("MSG a 2 1\r\n2\r\nMSG a 2 1\r\n3\r\nMSG a 2 1\r\n4\r\n")
        #expect(scene.events == [.to(2, "a", "2"), .to(2, "a", "3")])
        #expect(scene.session.subscriptions.count == 0)
    }

    @Test("orders that are refused write nothing")
    func refused() throws {
        let scene = try SessionScene()
        #expect(throws: NATSOrderError.notReady) { try scene.session.publish([1], to: "a") }
        #expect(throws: NATSOrderError.notReady) { try scene.request("a") }
        scene.server(#"INFO {"max_payload":4}"# + "\r\nPONG\r\n")
        #expect(scene.sent.contains(#""headers":false,"no_responders":false"#))
        #expect(throws: NATSOrderError.headersUnsupported) {
            try scene.session.publish([1], to: "a", headers: NATSHeaders("A: b"))
        }
        #expect(throws: NATSOrderError.payloadTooLarge(limit: 4)) {
            try scene.session.publish([1, 2, 3, 4, 5], to: "a")
        }
        #expect(throws: NATSOrderError.invalidSubject) { try scene.session.publish([1], to: "a b") }
        #expect(throws: NATSOrderError.invalidSubject) { try scene.subscribe(to: "a b") }
        #expect(throws: NATSOrderError.invalidSubject) { try scene.request("a b") }
        #expect(scene.session.waitingRequests == 0)
        #expect(scene.session.subscriptions.count == 0)
        #expect(scene.sent.isEmpty)
        try scene.session.publish([0x31, 0x32, 0x33, 0x34], to: "a")
        #expect(scene.sent == "PUB a 4\r\n1234\r\n")
    }

    @Test("a subscription too long for its line is refused at once, before the connection is ready too")
    func longSubject() throws {
        let scene = try SessionScene()
        let longest = String(repeating: "a", count: 4_068)
        #expect(throws: NATSOrderError.lineTooLong) { try scene.subscribe(to: longest + "a") }
        #expect(throws: NATSOrderError.lineTooLong) { try scene.subscribe(to: longest, queue: "q") }
        #expect(try scene.subscribe(to: longest) == 2)
        scene.server(SessionScene.info + "PONG\r\n")
        #expect(scene.sent.hasSuffix("SUB \(longest) 2\r\n"))
        #expect(throws: NATSOrderError.lineTooLong) { try scene.subscribe(to: longest + "a") }
        #expect(scene.sent.isEmpty)
    }

    @Test("headers count as payload")
    func headersCount() throws {
        let scene = try SessionScene.ready()
        let headers = NATSHeaders("A: b")
        #expect(throws: NATSOrderError.payloadTooLarge(limit: 64)) {
            try scene.session.publish([UInt8](repeating: 1, count: 47), to: "a", headers: headers)
        }
        try scene.session.publish([UInt8](repeating: 1, count: 46), to: "a", headers: headers)
    }

    @Test("INFO that says something new is an event, and one that says the same is none")
    func infoChanged() throws {
        let scene = try SessionScene.ready()
        scene.server(SessionScene.info)
        #expect(scene.events.isEmpty)
        var changed = info
        changed.isLameDuck = true
        scene.server(SessionScene.info.replacing("}", with: #","ldm":true}"#))
        #expect(scene.events == [.infoChanged(changed)])
    }

    @Test("subscriptions made before the connection is ready are in force when it is")
    func early() throws {
        let scene = try SessionScene()
        #expect(try scene.subscribe(to: "a") == 2)
        scene.server(SessionScene.info)
        #expect(try scene.subscribe(to: "b", queue: "q") == 3)
        #expect(scene.sent == SessionScene.connect + "PING\r\n")
        scene.server("PONG\r\n")
        #expect(scene.sent == "SUB a 2\r\nSUB b q 3\r\n")
    }

    @Test("the next session subscribes to what the last one had, by the same numbers")
    func reconnect() throws {
        let first = try SessionScene.ready()
        for subject in ["a", "b", "c"] {
            _ = try first.subscribe(to: subject, queue: subject == "c" ? "q" : nil)
        }
        first.server("MSG a 2 1\r\nx\r\n")
        try first.session.unsubscribe(3)
        try first.session.unsubscribe(2, after: 5)
        first.server("MSG a 2 1\r\nx\r\n")
        first.session.disconnected()
        let second = try SessionScene(subscriptions: first.session.subscriptions)
        second.server(SessionScene.info + "PONG\r\n")
        #expect(second.sent.hasSuffix("PING\r\nSUB a 2\r\nUNSUB 2 4\r\nSUB c q 4\r\n"))
        #expect(try second.subscribe(to: "d") == 5)
    }
}
