import PharosBytes
import PharosLinks
import PharosNATS

/// A NATS session as the protocol of a link. Used on the link thread only.
///
/// Each connection has a session of its own; subscriptions pass from one to the next.
final class NATSMachine: LinkMachine {
    /// Bytes that wait for the server before nothing more is taken.
    private static let outputLimit = 32 << 20

    private let settings: NATSSessionSettings
    private let handler: ([NATSEvent]) -> Void
    private var session: NATSSession?
    /// Those of the last connection, while there is none.
    private var subscriptions = NATSSubscriptions()
    private var pending: [UInt8] = []
    private var pendingStart = 0
    private var wantsTLS = false
    private var wantsReconnect = false
    /// Why the last connection ended, or was not made.
    ///
    /// nil while there is one.
    private(set) var failure: LinkFailure?

    /// Makes the machine of a link.
    ///
    /// - Parameter handler: gets the news of the session, in order, after each call; the last one of each connection is
    ///   `closed`, also of one that could not be made.
    init(_ settings: NATSSessionSettings, handler: @escaping ([NATSEvent]) -> Void) {
        self.settings = settings
        self.handler = handler
    }

    var isReady: Bool { session?.state == .ready }
    /// Whether the server takes less than is written.
    var isCongested: Bool { pending.count - pendingStart + (session?.outputBytes ?? 0) > NATSMachine.outputLimit }
    var info: NATSInfo? { session?.info }

    // MARK: Orders

    func publish(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders = NATSHeaders()
    ) throws(NATSOrderError) {
        guard isReady else { throw .notReady }
        try session?.publish(payload, to: subject, headers: headers)
    }

    /// Publishes and awaits an answer; the ticket of its event.
    func request(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders, expectsSeveral: Bool, deadlineMs: Int64
    ) throws(NATSOrderError) -> UInt64 {
        guard isReady else { throw .notReady }
        guard
            let ticket = try session?.request(
                payload, to: subject, headers: headers, expectsSeveral: expectsSeveral, deadlineMs: deadlineMs)
        else { throw .notReady }
        return ticket
    }

    /// Subscribes, for this connection and those after it.
    func subscribe(to subject: String) throws(NATSOrderError) -> UInt64 {
        if let number = try session?.subscribe(to: subject) { return number }
        return try subscriptions.add(subject)
    }

    func unsubscribe(_ subscription: UInt64) {
        if session == nil { subscriptions.remove(subscription) }
        try? session?.unsubscribe(subscription)
    }

    func close() { session?.close() }

    // MARK: As the machine of a link

    func connected(nowMs: Int64) {
        var random = SystemRandomNumberGenerator()
        session = try? NATSSession(
            settings: settings, subscriptions: subscriptions, inboxToken: NATSInbox.token(using: &random), nowMs: nowMs)
        pending = []
        pendingStart = 0
        wantsTLS = false
        wantsReconnect = false
        failure = nil
    }

    func secured(nowMs: Int64) {
        wantsTLS = false
        session?.tlsStarted()
        handle()
    }

    func received(_ bytes: UnsafeRawBufferPointer, nowMs: Int64) {
        session?.receive(bytes, nowMs: nowMs)
        handle()
    }

    func disconnected(_ failure: LinkFailure, nowMs: Int64) {
        self.failure = failure
        if session != nil {
            session?.disconnected()
            handle()
        } else if !wantsReconnect {
            handler([.closed(.disconnected)])
        }
        wantsReconnect = false
        pending = []
        pendingStart = 0
    }

    func advance(toMs nowMs: Int64) {
        session?.advance(to: nowMs)
        handle()
    }

    var nextDeadlineMs: Int64 { session?.nextDeadlineMs ?? .max }

    var wish: LinkWish {
        wantsReconnect ? .reconnect : wantsTLS ? .startTLS : .nothing
    }

    private func handle() {
        guard let events = session?.takeEvents(), !events.isEmpty else { return }
        if events.contains(.startTLS) { wantsTLS = true }
        if session?.isClosed == true, let last = session?.subscriptions {
            subscriptions = last
            session = nil
            wantsReconnect = true
        }
        handler(events)
    }

    func withOutput(_ body: (UnsafeRawBufferPointer) -> Int) {
        if pendingStart < pending.count {
            pendingStart += pending.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[pendingStart...])) }
            guard pendingStart == pending.count else { return }
        }
        if !pending.isEmpty {
            pending.removeAll(keepingCapacity: pending.capacity <= 1 << 20)
            pendingStart = 0
        }
        guard let waiting = session?.outputBytes, waiting > 0 else { return }
        let rest = session?.takeOutput { bytes in
            let taken = body(bytes)
            return Array(bytes[taken...])
        }
        pending = rest ?? []
    }
}
