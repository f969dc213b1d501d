import CPharosSys
import PharosBytes
import PharosCluster
import PharosDomain
import PharosLinks
import PharosNATS

/// The work of the engine on its link thread.
///
/// Used on that thread only, hence unchecked.
final class NATSEngineCore: @unchecked Sendable {
    struct Parked {
        var submission: NATSBackend.Submission
        var untilMs: Int64
    }

    let settings: NATSEngineSettings
    let names: StreamNames
    let api: JetStreamAPI
    let shared: NATSEngineShared
    var loop: LinkLoop!
    var connection: NATSConnection!
    var inboxes: [Int: EngineInbox] = [:]
    /// Reports of this round, by relay.
    private var reports: [Int: [EngineEvent]] = [:]
    var parked: [Parked] = []
    var parkTimer: UInt64?
    /// Whether relays believe that the link is there.
    var isLinked = true
    var isClosed = false
    /// The words of the last failure, for operators.
    var trouble = "connecting"
    /// Why there is no history with this server; nil: there is.
    var historyRefusal: ReplyError?

    // Live: see `NATSEngineCore+Live`.
    var follows: [ChannelName: Follow] = [:]
    var channels: [UInt64: ChannelName] = [:]
    var echoSubscription: UInt64 = 0
    var echoSubject = ""
    var marks = FIFO<[Completion]>()
    var unmarked: [Completion] = []

    // Streams, reads and writers: see the extensions of these names.
    var streams = KnownStreams()
    var salts: [StreamID: [(([UInt8]?) -> Void)]] = [:]
    var clocks: [StreamID: ServerClock] = [:]
    var writers: [WriterKey: ChannelWriter] = [:]
    var indexes: [WriterKey: SequenceIndex] = [:]
    var usedWriters: Set<WriterKey> = []
    var writerMark = ""
    var expiries: [WriterKey: Expiry] = [:]

    // Homes: see `NATSEngineCore+Homes`.
    /// In place of a relay, for the orders of other nodes.
    static let forwardedRelay = -2
    var homes = Homes()
    var forwardSubscription: UInt64?
    /// Where the answers to other nodes' orders go.
    var replies = TicketTable<String>()

    struct Completion {
        var relay: Int
        var ticket: UInt64
    }

    init(_ settings: NATSEngineSettings, _ shared: NATSEngineShared) {
        self.settings = settings
        self.shared = shared
        names = StreamNames(prefix: settings.prefix)
        guard let api = try? JetStreamAPI() else { preconditionFailure("the API without a domain has a name") }
        self.api = api
    }

    var nowMs: Int64 { loop.nowMs }

    /// The time of a stream's leader, in milliseconds since 1970.
    func serverMs(_ id: StreamID) -> Int64 {
        clocks[id, default: ServerClock()].now(nowMs: nowMs, wallMs: pharos_wall_ms())
    }

    func start(on loop: LinkLoop) {
        self.loop = loop
        var random = SystemRandomNumberGenerator()
        writerMark = NATSInbox.token(using: &random)
        let connection = NATSConnection(settings, echo: true, name: "pharos", on: loop)
        self.connection = connection
        connection.handlers.ready = { [unowned self] in linked($0) }
        connection.handlers.lost = { [unowned self] in unlinked($0) }
        connection.handlers.message = { [unowned self] in received($0) }
        connection.handlers.error = { [unowned self] in settings.report("nats: \($0)") }
        connection.handlers.handled = { [unowned self] in deliver() }
        echoSubject = "\(settings.prefix).e.\(writerMark)"
        echoSubscription = (try? connection.subscribe(to: echoSubject)) ?? 0
        tidyLater()
        noteHealth()
    }

    func open(_ relay: Int, _ inbox: EngineInbox) { inboxes[relay] = inbox }

    // MARK: Requests

    func take(_ submissions: [NATSBackend.Submission]) {
        for submission in submissions {
            guard !isClosed else {
                refuse(submission, .internalError)
                continue
            }
            switch submission.request {
            case .follow(let channel, let options): follow(channel, options, submission.relay)
            case .unfollow(let channel): unfollow(channel, submission.relay)
            case .announce, .publish, .read, .readBackwards, .removeHistory:
                if connection.isReady { carryOut(submission) } else { park(submission) }
            }
        }
        mark()
        deliver()
    }

    func carryOut(_ submission: NATSBackend.Submission) {
        guard !connection.isCongested else { return refuse(submission, .internalError) }
        let relay = submission.relay
        let ticket = submission.ticket
        switch submission.request {
        case .publish(let publish): self.publish(publish, Completion(relay: relay, ticket: ticket))
        case .read(let channel, let options, let after, let limit, _):
            read(channel, options, .forwards(after: after), limit, Completion(relay: relay, ticket: ticket))
        case .readBackwards(let channel, let options, let before, let limit, _):
            read(channel, options, .backwards(before: before), limit, Completion(relay: relay, ticket: ticket))
        case .removeHistory(let channel, let options):
            order(.removeHistory, of: channel, options, Completion(relay: relay, ticket: ticket))
        case .announce(let change, let channel): announce(change, channel)
        case .follow, .unfollow: break
        }
    }

    func refuse(_ submission: NATSBackend.Submission, _ error: ReplyError) {
        guard submission.request.hasCompletion else { return }
        complete(Completion(relay: submission.relay, ticket: submission.ticket), .failure(error))
    }

    // MARK: Reports

    func complete(_ completion: Completion, _ result: Result<EngineOutcome, ReplyError>) {
        report(.completed(ticket: completion.ticket, result), to: completion.relay)
    }

    func report(_ event: EngineEvent, to relay: Int) { reports[relay, default: []].append(event) }

    /// Hands the reports of this round out.
    func deliver() {
        guard !reports.isEmpty else { return }
        for (relay, events) in reports { inboxes[relay]?.add(events) }
        reports.removeAll(keepingCapacity: true)
    }

    /// Runs `work` later, and hands out what it reports.
    func after(_ ms: Int64, _ work: @escaping () -> Void) {
        loop.after(ms) { [unowned self] in
            guard !isClosed else { return }
            work()
            deliver()
        }
    }
}
