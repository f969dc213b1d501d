import NIOCore
import NIOPosix
import PharosBytes
import PharosDomain
import PharosProtocol
import PharosTLS

/// One origin: the questions that wait for it, its connections, its breakers.
///
/// All on one event loop.
///
/// Other threads only put exchanges into the inbox; many of them wake the loop once. Everything below the inbox belongs to the
/// loop, which is why the pool may be shared unchecked.
final class OriginPool: @unchecked Sendable {
    /// The most questions, and bytes of theirs, that wait for a connection.
    ///
    /// Further ones are refused.
    static let waitingLimit = 65_536
    static let waitingSizeLimit = 67_108_864
    /// Most servers close idle connections after a minute or later.
    static let idleLimit = TimeAmount.seconds(30)
    static let permissionPauseMs: Int64 = 10_000

    private struct Inbox {
        var arrived: [OriginExchange] = []
        var isLoopAwake = false
        var waitingCount = 0
        var waitingSize = 0
    }

    let settings: OriginSettings
    let address: HTTPAddress
    let builder: OriginRequestBuilder
    let loop: any EventLoop
    let tls: TLSContext?
    let resolved: SocketAddress?
    let timeout: TimeAmount
    private let inbox = Locked(Inbox())
    private let counts = OriginLane.allCases.map { _ in OriginLaneCounts() }
    private let report: @Sendable (OriginReport) -> Void

    // Of the event loop alone.
    var waiting = CircularBuffer<OriginExchange>()
    var idle: [OriginConnection] = []
    var connections: [ObjectIdentifier: OriginConnection] = [:]
    /// The exchanges in the order of their deadlines.
    ///
    /// The time is the same for all, so that one timer does for all of them.
    var deadlines = CircularBuffer<OriginExchange>()
    var unfinished = 0
    var timer: Scheduled<Void>?
    var idleCheck: RepeatedTask?
    var permission: SenderPermission
    var isServing = false
    var isShutDown = false
    var stopped: EventLoopPromise<Void>?
    private var breakers: [CircuitBreaker]
    private var notSecuredAt: NIODeadline?
    private var isReportedFailing = OriginLane.allCases.map { _ in false }

    init(
        _ settings: OriginSettings, node: String, loop: any EventLoop,
        report: @escaping @Sendable (OriginReport) -> Void
    ) throws {
        self.settings = settings
        self.loop = loop
        self.report = report
        address = try HTTPAddress(settings.url)
        builder = OriginRequestBuilder(settings, address: address, node: node)
        resolved = address.isNumeric ? try SocketAddress(ipAddress: address.host, port: address.port) : nil
        tls = address.isSecure ? try TLSContext.client(authoritiesFile: settings.certificateAuthority) : nil
        timeout = .nanoseconds(Int64(settings.timeout * 1e9))
        permission = SenderPermission(isNeeded: settings.asksPermission)
        breakers = OriginLane.allCases.map { _ in
            CircuitBreaker(failures: settings.breakerFailures, pauseMs: Int64(settings.breakerPause * 1_000))
        }
    }

    var counters: [OriginCounters] {
        OriginLane.allCases.map { counts[$0.rawValue].counters(origin: settings.name, lane: $0) }
            .filter { $0.requests > 0 }
    }

    /// Takes a request from any thread. Its end comes on the event loop.
    ///
    /// - Parameter request: nil: the origin's form has no such request.
    func submit(
        _ purpose: OriginExchange.Purpose, lane: OriginLane, for asker: OriginAsker = OriginAsker(),
        request: ByteBuffer?, isRepeatable: Bool = false
    ) {
        counts[lane.rawValue].began()
        let exchange = OriginExchange(
            purpose, lane: lane, asker: asker, request: request, startedAt: .now(), timeout: timeout,
            retries: RetrySchedule(retries: settings.retries, isRepeatable: isRepeatable))
        let wakesLoop = inbox.withLock { inbox in
            if inbox.waitingCount >= OriginPool.waitingLimit
                || inbox.waitingSize + exchange.size > OriginPool.waitingSizeLimit
            {
                exchange.rejection = exchange.rejection ?? .overloaded
                exchange.isWaiting = false
            } else {
                inbox.waitingCount += 1
                inbox.waitingSize += exchange.size
            }
            inbox.arrived.append(exchange)
            defer { inbox.isLoopAwake = true }
            return !inbox.isLoopAwake
        }
        if wakesLoop { loop.execute { self.takeArrived() } }
    }

    private func takeArrived() {
        let arrived = inbox.withLock { inbox in
            inbox.isLoopAwake = false
            defer { inbox.arrived = [] }
            return inbox.arrived
        }
        for exchange in arrived { admit(exchange) }
        serveWaiting()
        setTimer()
    }

    private func admit(_ exchange: OriginExchange) {
        unfinished += 1
        if let rejection = exchange.rejection { return finish(exchange, .failure(rejection)) }
        guard !isShutDown else { return finish(exchange, .failure(.shutdown)) }
        if exchange.lane.hasBreaker {
            guard breakers[exchange.lane.rawValue].questionArrived(nowMs: OriginPool.nowMs()) else {
                return finish(exchange, .failure(.breaker))
            }
            exchange.isAdmitted = true
        }
        waiting.append(exchange)
        deadlines.append(exchange)
    }

    /// The exchange has left the queue, or ended within it.
    func stopWaiting(_ exchange: OriginExchange) {
        guard exchange.isWaiting else { return }
        exchange.isWaiting = false
        inbox.withLock {
            $0.waitingCount -= 1
            $0.waitingSize -= exchange.size
        }
    }

    /// The one end of every exchange.
    func finish(_ exchange: OriginExchange, _ result: Result<HTTPAnswer, OriginFailure>) {
        guard !exchange.isFinished else { return }
        exchange.finished()
        unfinished -= 1
        stopWaiting(exchange)
        if case .permission = exchange.purpose { return permissionEnded(result) }
        let nanoseconds = UInt64(max(0, (NIODeadline.now() - exchange.startedAt).nanoseconds))
        switch exchange.purpose {
        case .ask(let kind, let answer):
            let read = result.map { HookAnswer.outcome(of: $0, to: kind, form: settings.form) }
                .recovered { (.unavailable, $0) }
            note(exchange, result, read.failure, nanoseconds)
            answer(read.outcome)
        case .raw(let answer):
            let read = result.map { HookAnswer.rawAnswer(of: $0, form: settings.form) }.recovered { (.failed, $0) }
            note(exchange, result, read.failure, nanoseconds)
            answer(read.answer)
        case .tell(let answer):
            let failure = result.map { $0.isSuccess ? nil : OriginFailure.status }.recovered { $0 }
            note(exchange, result, failure, nanoseconds)
            answer(failure == nil)
        case .permission: break
        }
    }

    /// Counts, informs the breaker, and reports to the operator.
    private func note(
        _ exchange: OriginExchange, _ result: Result<HTTPAnswer, OriginFailure>, _ failure: OriginFailure?,
        _ nanoseconds: UInt64
    ) {
        let lane = exchange.lane
        counts[lane.rawValue].ended(failure, nanoseconds: nanoseconds)
        if exchange.isAdmitted {
            let change = noteForBreaker(lane, result)
            if change != .none {
                counts[lane.rawValue].breaker(isOpen: change == .opened)
                report(
                    change == .opened
                        ? .breakerOpened(origin: settings.name, lane) : .breakerClosed(origin: settings.name, lane))
            }
        }
        if let failure {
            // The end of this server, or what has failed before, is no failure of the origin's.
            if failure != .breaker, failure != .shutdown { isReportedFailing[lane.rawValue] = true }
            var status: Int?
            if failure == .status, case .success(let answer) = result { status = answer.status }
            report(.failed(origin: settings.name, lane, failure, status: status, exchange.asker))
        } else if isReportedFailing[lane.rawValue] {
            isReportedFailing[lane.rawValue] = false
            report(.recovered(origin: settings.name, lane))
        }
    }

    /// No handshake came about: says why, at most once in ten seconds.
    func notSecured(_ failure: TLSFailure) {
        let now = NIODeadline.now()
        if let last = notSecuredAt, now - last < .seconds(10) { return }
        notSecuredAt = now
        report(.notSecured(origin: settings.name, reason: failure.description))
    }

    private func noteForBreaker(_ lane: OriginLane, _ result: Result<HTTPAnswer, OriginFailure>)
        -> CircuitBreaker.Change
    {
        let hasFailed =
            switch result {
            // These come from what stands before an origin that is away.
            case .success(let answer): (502...504).contains(answer.status)
            case .failure(let failure):
                failure.isOfReaching || failure == .notPermitted || failure == .shutdown
            }
        return hasFailed
            ? breakers[lane.rawValue].failed(nowMs: OriginPool.nowMs()) : breakers[lane.rawValue].answered()
    }

    private func permissionEnded(_ result: Result<HTTPAnswer, OriginFailure>) {
        if case .success(let answer) = result, builder.isPermission(answer) {
            permission.granted()
        } else {
            var pauseMs = OriginPool.permissionPauseMs
            if case .failure = result { pauseMs = Int64(settings.breakerPause * 1_000) }
            permission.refused(nowMs: OriginPool.nowMs(), pauseMs: pauseMs)
            if !isShutDown { report(.permissionRefused(origin: settings.name)) }
        }
        serveWaiting()
    }

    static func nowMs() -> Int64 { Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000) }
}

extension Result {
    /// The value, or what `recover` makes of the failure.
    fileprivate func recovered(_ recover: (Failure) -> Success) -> Success {
        switch self {
        case .success(let value): value
        case .failure(let failure): recover(failure)
        }
    }
}
