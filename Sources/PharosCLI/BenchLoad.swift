import CPharosSys
import Glibc
import PharosEdge
import PharosTLS

/// The load of one bench.
///
/// Every subscriber and publisher is on one thread with one epoll.
///
/// Connections and their tracks stand in slabs, and received bytes go through one buffer, so that the load costs little
/// beside the server it measures.
struct BenchLoad: ~Copyable {
    static let bufferSize = 256 << 10
    static let messageLimit = 64 << 20
    /// Without any progress for so long a phase ends as it is.
    static let patienceNs: Int64 = 10_000_000_000
    static let drainNs: Int64 = 3_000_000_000

    let plan: BenchPlan
    var result: BenchResult
    let epoll: Int32
    let connections: UnsafeMutablePointer<BenchConnection>
    let tracks: UnsafeMutablePointer<BenchTrack>
    let events: UnsafeMutablePointer<pharos_event>
    let buffer: UnsafeMutableRawBufferPointer
    let handshake = WireClientHandshake()
    /// The context of the subscribers' TLS; nil: they have none.
    let tlsContext: TLSContext?
    var tlsOutput = TLSOutput()
    let plaintext: UnsafeMutableRawBufferPointer
    /// Heads of handshake answers that have come in part, by connection.
    var partialHeads: [Int: [UInt8]] = [:]
    var readyCount = 0
    var handshakesUnderWay = 0
    /// Connections begun so far, over all cycles.
    ///
    /// They choose the address to connect from.
    var attempts = 0

    var publishers: [BenchPublisher] = []
    /// The request up to the marker, by channel.
    var requestHeads: [[UInt8]] = []
    /// The text after the marker, the same in every request.
    var requestTail: [UInt8] = []
    /// Subscribers that are counted, by channel.
    var readers: [UInt32] = []
    /// Messages published, by channel.
    var sequences: [UInt32] = []
    var nextNumber: UInt32 = 0
    /// How many still miss a message: its readers, and the publisher until the answer.
    ///
    /// By number, modulo its size.
    var missing: [UInt32] = []
    /// Messages that somebody misses.
    var outstanding = 0
    /// A reader or publisher was lost: there is no use in going on.
    var isBroken = false
    var lastProgressNs: Int64 = 0
    private let process: BenchProcess?
    private let showProgress: @Sendable (borrowing BenchLoad) -> Void
    private var nextSampleNs: Int64 = 0

    /// - Parameter showProgress: called once a second.
    init(
        plan: BenchPlan, showProgress: @escaping @Sendable (borrowing BenchLoad) -> Void
    ) throws(WireClientError) {
        let context = try BenchLoad.tlsContext(plan)
        let made = pharos_epoll_create()
        guard made >= 0 else { throw WireClientError("no epoll", code: Int(made)) }
        epoll = made
        tlsContext = context
        self.plan = plan
        self.showProgress = showProgress
        result = BenchResult(plan: plan)
        process = plan.processID.map { BenchProcess(processID: $0) }
        connections = .allocate(capacity: plan.connections)
        connections.initialize(repeating: BenchConnection(), count: plan.connections)
        let trackCount = plan.connections * plan.channelsPerConnection
        tracks = .allocate(capacity: trackCount)
        tracks.initialize(repeating: BenchTrack(), count: trackCount)
        events = .allocate(capacity: 256)
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 16)
        plaintext = .allocate(byteCount: Self.bufferSize + TLSSession.recordSize, alignment: 16)
    }

    private static func tlsContext(_ plan: BenchPlan) throws(WireClientError) -> TLSContext? {
        guard plan.tlsPort != nil else { return nil }
        do throws(TLSError) {
            return try TLSContext.client(authoritiesFile: plan.authoritiesFile, protocols: ["http/1.1"])
        } catch {
            throw WireClientError("\(error)")
        }
    }

    deinit {
        for index in 0..<plan.connections where connections[index].socket >= 0 {
            connections[index].reader.release()
            freeSession(index)
            _ = pharos_close(connections[index].socket)
        }
        _ = pharos_close(epoll)
        connections.deallocate()
        tracks.deallocate()
        events.deallocate()
        buffer.deallocate()
        plaintext.deallocate()
    }

    /// Connects, publishes and receives.
    ///
    /// Errors are those of the set-up, everything else is in the result.
    mutating func run() throws(WireClientError) -> BenchResult {
        if let process {
            result.before = process.read()
            guard result.before != nil else { throw WireClientError("there is no process \(process.processID)") }
        }
        for cycle in 0..<plan.cycles {
            if cycle > 0 { closeAll() }
            try connectAll()
        }
        result.connectedReading = process?.read()
        if let before = result.before, let now = result.connectedReading {
            result.connectProcessorSeconds = now.processorSeconds - before.processorSeconds
        }
        samplePeak()
        if readyCount > 0, plan.count != 0 {
            try publishAll()
        }
        samplePeak()
        result.after = process?.read()
        return result
    }

    /// Waits for events and handles them; once a second there is a sample and progress.
    mutating func turn(timeoutMs: Int32) {
        let now = pharos_monotonic_ns()
        if now >= nextSampleNs {
            if nextSampleNs > 0 {
                samplePeak()
                showProgress(self)
            }
            nextSampleNs = now + 1_000_000_000
        }
        let count = pharos_epoll_wait(epoll, events, 256, timeoutMs)
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let event = events[index]
            let owner = Int(event.data)
            if owner < plan.connections {
                handle(connection: owner, event.events)
            } else {
                handle(publisher: owner - plan.connections, event.events)
            }
        }
    }

    private mutating func samplePeak() {
        guard let process else { return }
        result.peakResidentBytes = max(result.peakResidentBytes, process.residentBytes())
    }
}
