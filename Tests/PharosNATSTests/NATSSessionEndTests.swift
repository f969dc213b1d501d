import PharosNATS
import Testing

/// How connections end: by the server, by time, by nonsense and by the owner.
@Suite("NATS session, ends")
struct NATSSessionEndTests {
    @Test("refused credentials end the connection before it is ready")
    func refused() throws {
        let scene = try SessionScene()
        scene.server(SessionScene.info + "-ERR 'Authorization Violation'\r\n")
        let error = NATSServerError("Authorization Violation")
        #expect(error.isAuthorization)
        #expect(scene.events == [.error(error), .closed(.refused(error))])
        #expect(scene.session.nextDeadlineMs == .max)
    }

    @Test(
        "errors after which the connection goes on, and errors after which it does not",
        arguments: [
            ("Permissions Violation for Publish to \"a\"", true), ("Invalid Subject", true),
            ("maximum subscriptions exceeded", true), ("Stale Connection", false), ("Slow Consumer", false),
            ("Maximum Payload Violation", false), ("Unknown Protocol Operation", false),
            ("User Authentication Expired", false), ("", false),
        ])
    func errors(text: String, goesOn: Bool) throws {
        let scene = try SessionScene.ready()
        scene.server("-ERR '\(text)'\r\n")
        let error = NATSServerError(text)
        #expect(scene.events == (goesOn ? [.error(error)] : [.error(error), .closed(.failed(error))]))
    }

    @Test("no INFO, and no PONG, in time")
    func connectTimeout() throws {
        let silent = try SessionScene()
        silent.pass(4_999)
        #expect(silent.events.isEmpty)
        silent.pass(1)
        #expect(silent.events == [.closed(.connectTimeout)])
        let half = try SessionScene()
        half.server(SessionScene.info)
        half.pass(5_000)
        #expect(half.events == [.closed(.connectTimeout)])
    }

    @Test("silence: a PING, another, then the end; any byte in between begins anew")
    func stale() throws {
        let scene = try SessionScene.ready()
        _ = scene.sent
        #expect(scene.session.nextDeadlineMs == 21_000)
        scene.pass(19_999)
        #expect(scene.sent.isEmpty)
        scene.pass(1)
        #expect(scene.sent == "PING\r\n")
        #expect(scene.session.nextDeadlineMs == 41_000)
        scene.pass(20_000)
        #expect(scene.sent == "PING\r\n")
        scene.server("PO")
        #expect(scene.session.nextDeadlineMs == 61_000)
        for _ in 0..<2 {
            scene.pass(20_000)
            #expect(scene.sent == "PING\r\n")
        }
        #expect(scene.events.isEmpty)
        scene.pass(20_000)
        #expect(scene.sent.isEmpty)
        #expect(scene.events == [.closed(.stale)])
    }

    @Test("times without end are no deadlines")
    func endless() throws {
        var settings = NATSSessionSettings()
        (settings.connectTimeoutMs, settings.pingIntervalMs) = (.max, .max)
        let scene = try SessionScene(settings)
        #expect(scene.session.nextDeadlineMs == .max)
        scene.server(SessionScene.info + "PONG\r\n")
        scene.pass(1_000_000_000)
        #expect(scene.session.nextDeadlineMs == .max)
        #expect(scene.sent == SessionScene.connect + "PING\r\n")
    }

    @Test("a PONG answers the PING, and the server's PINGs are answered")
    func pongs() throws {
        let scene = try SessionScene.ready()
        _ = scene.sent
        for _ in 0..<5 {
            scene.pass(20_000)
            #expect(scene.sent == "PING\r\n")
            scene.server("PONG\r\nPING\r\n")
            #expect(scene.sent == "PONG\r\n")
        }
        #expect(scene.events.isEmpty)
    }

    @Test(
        "messages that may not come now",
        arguments: ["PING\r\n", "PONG\r\n", "MSG a 1 1\r\nx\r\n"])
    func unexpected(bytes: String) throws {
        let scene = try SessionScene()
        scene.server(bytes)
        #expect(scene.events == [.closed(.unexpected)])
        #expect(scene.sent.isEmpty)
        let ready = try SessionScene.ready()
        ready.server("PONG\r\n")
        #expect(ready.events == [.closed(.unexpected)])
    }

    @Test("bytes that are no protocol end it; messages before them count, bytes after them do not")
    func malformed() throws {
        let scene = try SessionScene.ready()
        let subscription = try scene.subscribe(to: "a")
        scene.server("MSG a \(subscription) 1\r\nx\r\nNONSENSE\r\nMSG a \(subscription) 1\r\nx\r\n")
        scene.server("MSG a \(subscription) 1\r\nx\r\n")
        #expect(scene.events == [.to(2, "a", "x"), .closed(.malformed(.unknownVerb))])
    }

    @Test("an end comes once, and orders after it are refused")
    func once() throws {
        let scene = try SessionScene.ready()
        scene.session.close()
        scene.session.disconnected()
        scene.pass(1_000_000)
        #expect(scene.events == [.closed(.closed)])
        #expect(throws: NATSOrderError.notReady) { try scene.session.publish([1], to: "a") }
        #expect(throws: NATSOrderError.notReady) { try scene.subscribe(to: "a") }
        #expect(throws: NATSOrderError.notReady) { try scene.session.drain() }
    }

    @Test("TLS after INFO: nothing is said in clear, and nothing that comes in clear is believed")
    func tls() throws {
        var settings = NATSSessionSettings()
        settings.tls = .afterInfo
        settings.credentials = .token("secret")
        let offer = #"INFO {"tls_required":true}"# + "\r\n"
        let scene = try SessionScene(settings)
        scene.server(offer)
        #expect(scene.events == [.startTLS])
        #expect(scene.sent.isEmpty)
        scene.session.tlsStarted()
        #expect(scene.sent.contains(#""tls_required":true,"auth_token":"secret""#))
        for late in [[offer + "PONG\r\n"], [offer + "+OK\r\n"], [offer + "PO"], [offer, "PONG\r\n"], [offer, "P"]] {
            let injected = try SessionScene(settings)
            for bytes in late { injected.server(bytes) }
            #expect(injected.events == [.startTLS, .closed(.unexpected)])
        }
        let without = try SessionScene(settings)
        without.server(SessionScene.info)
        #expect(without.events == [.closed(.tlsUnavailable)])
        #expect(without.sent.isEmpty)
        let plain = try SessionScene()
        plain.server(offer)
        #expect(plain.events == [.closed(.tlsRequired)])
        #expect(plain.sent.isEmpty)
    }
}
