import CPharosSys
import PharosBytes

#if canImport(Glibc)
    import Glibc
#endif

/// One connection to another server, made anew whenever it is lost.
///
/// It belongs to a loop and is used on its thread only. The machine decides what is said; the link connects, encrypts,
/// sends and receives.
package final class Link {
    package let settings: LinkSettings
    private let loop: LinkLoop
    private let machine: any LinkMachine
    private var backoff: Backoff
    /// The index of the address that is tried next.
    private var next = 0
    private var socket: LinkSocket?
    private var flusher: UInt64?
    private var deadlineTimer: UInt64?
    private var deadlineMs = Int64.max
    private var waitTimer: UInt64?
    private var isClosed = false
    /// Attempts so far: what belongs to an earlier one is dropped.
    private var attempt = 0
    /// The address that the connection, or the last attempt, went to.
    package private(set) var address: LinkAddress?

    /// Begins to connect.
    package init(_ settings: LinkSettings, _ machine: any LinkMachine, on loop: LinkLoop) {
        precondition(!settings.addresses.isEmpty, "a link needs an address")
        self.settings = settings
        self.machine = machine
        self.loop = loop
        backoff = settings.backoff
        next = Int.random(in: settings.addresses.indices)
        flusher = loop.addFlusher { [weak self] now in self?.flush(now) }
        connect()
    }

    /// Ends the connection for good.
    ///
    /// What was written before is handed to the system.
    package func close() {
        guard !isClosed else { return }
        flush(loop.nowMs)
        isClosed = true
        socket?.close()
        socket = nil
        if let flusher { loop.removeFlusher(flusher) }
        if let deadlineTimer { loop.cancel(deadlineTimer) }
        if let waitTimer { loop.cancel(waitTimer) }
    }

    /// The connection has proven itself.
    ///
    /// The next attempts begin with short waits again.
    package func proven() { backoff.reset() }

    // MARK: Connecting

    private func connect() {
        attempt += 1
        let attempt = attempt
        let address = settings.addresses[next % settings.addresses.count]
        next += 1
        self.address = address
        let relay = LoopRelay(loop) { [weak self] (result: Result<[String], LinkFailure>) in
            guard let self, self.attempt == attempt, !self.isClosed else { return }
            self.resolved(result, address)
        }
        Resolver.resolve(address.host) { relay.post($0) }
    }

    private func resolved(_ result: Result<[String], LinkFailure>, _ address: LinkAddress) {
        let texts: [String]
        switch result {
        case .failure(let failure): return lost(failure)
        case .success(let found): texts = found
        }
        // Each attempt takes another of a name's addresses.
        let text = texts[(attempt - 1) / settings.addresses.count % texts.count]
        let descriptor = pharos_connect(text, address.port, 1, nil)
        guard descriptor >= 0 else { return lost(.refused(String(cString: strerror(-descriptor)))) }
        let socket = LinkSocket(descriptor, loop)
        self.socket = socket
        socket.handler = { [weak self] event in self?.handle(event) }
        if settings.tlsFromStart, let tls = settings.tls {
            guard socket.startTLS(tls, name: settings.tlsName ?? address.host) else { return lost(.tls("no memory")) }
        }
        let attempt = attempt
        waitTimer = loop.after(settings.connectTimeoutMs) { [weak self] in
            guard let self, self.attempt == attempt else { return }
            self.lost(.timedOut)
        }
    }

    private func handle(_ event: LinkSocket.Event) {
        guard !isClosed else { return }
        let now = loop.nowMs
        switch event {
        case .connected:
            if let waitTimer { loop.cancel(waitTimer) }
            waitTimer = nil
            machine.connected(nowMs: now)
        case .secured: machine.secured(nowMs: now)
        case .received(let bytes): machine.received(bytes, nowMs: now)
        case .ended(let failure): return lost(failure)
        }
    }

    private func lost(_ failure: LinkFailure) {
        guard !isClosed else { return }
        attempt += 1
        socket?.close()
        socket = nil
        if let waitTimer { loop.cancel(waitTimer) }
        machine.disconnected(failure, nowMs: loop.nowMs)
        var random = SystemRandomNumberGenerator()
        let wait = backoff.next(using: &random)
        waitTimer = loop.after(wait) { [weak self] in
            guard let self, !self.isClosed else { return }
            self.waitTimer = nil
            self.connect()
        }
    }

    // MARK: After each round

    private func flush(_ now: Int64) {
        guard !isClosed else { return }
        if machine.nextDeadlineMs <= now { machine.advance(toMs: now) }
        if let socket, socket.isOpen {
            machine.withOutput { socket.send($0) }
            switch machine.wish {
            case .nothing: break
            case .startTLS:
                guard let tls = settings.tls, let address else { return lost(.tls("not configured")) }
                if !socket.isSecure, !socket.startTLS(tls, name: settings.tlsName ?? address.host) {
                    return lost(.tls("no memory"))
                }
            case .reconnect: return lost(.given)
            }
        }
        arm(now)
    }

    private func arm(_ now: Int64) {
        let wanted = machine.nextDeadlineMs
        guard wanted != deadlineMs else { return }
        if let deadlineTimer { loop.cancel(deadlineTimer) }
        deadlineMs = wanted
        deadlineTimer = nil
        guard wanted < .max else { return }
        // The round that follows the timer advances the machine.
        deadlineTimer = loop.after(wanted - now) { [weak self] in self?.deadlineMs = .max }
    }
}

/// Brings a value from another thread to a closure that belongs to a loop's thread.
private final class LoopRelay<Value: Sendable>: @unchecked Sendable {
    private let inbox: LinkInbox
    /// Used on the loop's thread only.
    private let closure: (Value) -> Void

    init(_ loop: LinkLoop, _ closure: @escaping (Value) -> Void) {
        inbox = loop.inbox
        self.closure = closure
    }

    func post(_ value: Value) { inbox.add { [self] _ in closure(value) } }
}
