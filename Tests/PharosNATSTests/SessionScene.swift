import PharosNATS
import Testing

/// A session between its owner and a server, both played by a test.
final class SessionScene {
    var session: NATSSession
    private(set) var nowMs: Int64 = 1_000

    static let info = #"INFO {"server_name":"n1","version":"2.15.1","headers":true,"max_payload":64}"# + "\r\n"
    static let connect =
        #"CONNECT {"verbose":false,"pedantic":false,"tls_required":false,"name":"test","lang":"swift","version":"","#
        + #""protocol":1,"echo":true,"headers":true,"no_responders":true}"# + "\r\n"

    init(
        _ settings: NATSSessionSettings = NATSSessionSettings(), subscriptions: NATSSubscriptions = NATSSubscriptions()
    ) throws {
        var settings = settings
        settings.name = "test"
        session = try NATSSession(settings: settings, subscriptions: subscriptions, inboxToken: "tok", nowMs: nowMs)
    }

    /// A session that is ready, and whose output and events so far are taken.
    static func ready(
        _ settings: NATSSessionSettings = NATSSessionSettings(), subscriptions: NATSSubscriptions = NATSSubscriptions()
    ) throws -> SessionScene {
        let scene = try SessionScene(settings, subscriptions: subscriptions)
        scene.server(info + "PONG\r\n")
        #expect(scene.session.state == .ready)
        _ = scene.events
        return scene
    }

    /// The server sends bytes.
    func server(_ text: String) { server(Array(text.utf8)) }
    func server(_ bytes: [UInt8]) { bytes.withUnsafeBytes { session.receive($0, nowMs: nowMs) } }

    /// Time passes, with a call of `advance` at the end only.
    func pass(_ milliseconds: Int64) {
        nowMs += milliseconds
        session.advance(to: nowMs)
    }

    /// The bytes that the session has written since the last time.
    var sent: String { session.takeOutput { String(decoding: $0, as: UTF8.self) } }

    /// The events since the last time.
    var events: [NATSEvent] { session.takeEvents() }

    func subscribe(to subject: String, queue: String? = nil) throws -> UInt64 {
        try session.subscribe(to: subject, queue: queue)
    }

    var isClosed: Bool { session.isClosed }

    func cancel(_ ticket: UInt64) -> Bool { session.cancel(ticket) }

    /// A request that ends within some time from now.
    func request(_ subject: String, several: Bool = false, within milliseconds: Int64 = 1_000) throws -> UInt64 {
        try session.request([], to: subject, expectsSeveral: several, deadlineMs: nowMs + milliseconds)
    }
}

extension NATSEvent {
    /// A message as a test writes it down.
    static func to(_ subscription: UInt64, _ subject: String, _ payload: String) -> NATSEvent {
        .message(NATSMessage(subscription: subscription, subject: subject, payload: Array(payload.utf8)))
    }
}
