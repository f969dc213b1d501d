import PharosLinks
import PharosNATS

/// A connection to the servers that is made anew when it is lost.
///
/// Used on the link thread only.
final class NATSConnection {
    /// How a request ended.
    enum Answer {
        /// All that came; the last one may be a status.
        case messages([NATSMessage])
        /// Nothing is there that could answer.
        case noResponders
        /// No answer came; whether it was carried out is not known.
        case unknown
        /// It was never sent.
        case refused(NATSOrderError)
    }

    private struct Wait {
        var parts: [NATSMessage] = []
        var body: (Answer) -> Void
    }

    /// The news that the owner gets; set before the loop's next round.
    struct Handlers {
        var ready: (NATSInfo) -> Void = { _ in }
        var lost: (String) -> Void = { _ in }
        var message: (NATSMessage) -> Void = { _ in }
        var error: (String) -> Void = { _ in }
        /// After each piece of news has been handled.
        var handled: () -> Void = {}
    }

    var handlers = Handlers()
    private let loop: LinkLoop
    private var waits: [UInt64: Wait] = [:]
    private lazy var machine = NATSMachine(sessionSettings) { [weak self] in self?.handle($0) }
    private let sessionSettings: NATSSessionSettings
    private var link: Link?

    /// Begins to connect.
    init(_ settings: NATSEngineSettings, echo: Bool, name: String, on loop: LinkLoop) {
        self.loop = loop
        var session = NATSSessionSettings()
        session.name = name
        session.credentials = settings.credentials
        session.tls = settings.link.tls == nil ? .never : settings.link.tlsFromStart ? .fromStart : .afterInfo
        session.echo = echo
        session.pingIntervalMs = settings.probeIntervalMs
        session.unansweredPings = 1
        sessionSettings = session
        link = Link(settings.link, machine, on: loop)
    }

    var isReady: Bool { machine.isReady }
    var isCongested: Bool { machine.isCongested }
    var info: NATSInfo? { machine.info }
    /// Where it leads, or was last tried; for operators.
    var address: String { link?.address.map { "nats://\($0)" } ?? "nats" }

    func publish(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders = NATSHeaders()
    ) throws(NATSOrderError) { try machine.publish(payload, to: subject, headers: headers) }

    func subscribe(to subject: String) throws(NATSOrderError) -> UInt64 { try machine.subscribe(to: subject) }

    func unsubscribe(_ subscription: UInt64) { machine.unsubscribe(subscription) }

    /// Publishes and awaits an answer.
    ///
    /// - Parameter body: called once; within this call only if the request was refused.
    func request(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders = NATSHeaders(), expectsSeveral: Bool = false,
        timeoutMs: Int64, _ body: @escaping (Answer) -> Void
    ) {
        do throws(NATSOrderError) {
            let ticket = try machine.request(
                payload, to: subject, headers: headers, expectsSeveral: expectsSeveral,
                deadlineMs: loop.nowMs + timeoutMs)
            waits[ticket] = Wait(body: body)
        } catch {
            body(.refused(error))
        }
    }

    /// Ends the connection for good; requests end with `unknown`.
    func close() {
        link?.close()
        link = nil
        let open = waits
        waits = [:]
        for wait in open.values { wait.body(.unknown) }
    }

    // MARK: News

    private func handle(_ events: [NATSEvent]) {
        for event in events {
            switch event {
            case .startTLS, .infoChanged, .drained: break
            case .ready(let info):
                link?.proven()
                handlers.ready(info)
            case .message(let message): handlers.message(message)
            case .answer(let ticket, let answer): accept(answer, for: ticket)
            case .error(let error): handlers.error(error.text)
            // The link knows more about its end than the protocol does: the words of TLS, for example.
            case .closed(.disconnected):
                handlers.lost("\(machine.failure?.description ?? "\(NATSCloseReason.disconnected)")")
            case .closed(let reason): handlers.lost("\(reason)")
            }
        }
        handlers.handled()
    }

    private func accept(_ answer: NATSAnswer, for ticket: UInt64) {
        if case .part(let message) = answer {
            waits[ticket]?.parts.append(message)
            return
        }
        guard let wait = waits.removeValue(forKey: ticket) else { return }
        switch answer {
        case .part: break
        case .message(let message): wait.body(.messages(wait.parts + [message]))
        case .noResponders: wait.body(.noResponders)
        case .timedOut, .connectionLost: wait.body(.unknown)
        }
    }
}
