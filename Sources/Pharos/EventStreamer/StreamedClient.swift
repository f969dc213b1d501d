import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices

/// A client of the streamer.
///
/// It has its topics, its newest events, and the stream that reads them, if there is one.
final class StreamedClient: InProcessReceiver {
    private struct Topic: Sendable {
        var ticket: InProcessTicket
        var isLive = false
        /// It was refused before anybody waited for that.
        var refusal: ReplyError?
        var waiting: [Wait<ReplyError?>] = []
    }

    private struct State: Sendable {
        var topics: [ChannelName: Topic] = [:]
        var events: StreamedEvents
        /// The stream that may read; it counts them.
        var stream: UInt64 = 0
        var isConnected = false
        var isClosed = false
        /// The stream is to end once it has sent what waits; the client stays.
        var isFinishing = false
        /// The event that is sent next.
        var cursor: UInt64 = 1
        var reader: CheckedContinuation<Void, Never>?
        /// Somebody has promised to call `wake`.
        var isWaking = false
        var mustBeat = false
        /// Since when it is away, or when something was last sent.
        var changedMs: Int64
    }

    /// The next step of a stream.
    enum Step: Sendable {
        /// - Parameters:
        ///   - missed: so many before them are gone.
        ///   - number: of the first.
        case send(ArraySlice<StreamedEvents.Event>, number: UInt64, missed: UInt64)
        case beat
        /// A last event, and then the end.
        case close
        /// Another stream has taken its place, or its connection is gone.
        case leave
    }

    enum Preparation {
        case known
        case new(InProcessTicket)
        case tooMany
        case closed
    }

    let id: ClientName
    /// Names this client's events.
    ///
    /// A later client with the same id does not take them for its own.
    let epoch = StreamedClient.randomName()
    private let state: Locked<State>
    private let topicLimit: Int

    init(id: ClientName, configuration: EventStreamer.Configuration, nowMs: Int64) {
        self.id = id
        topicLimit = configuration.topicLimit
        let events = StreamedEvents(limit: configuration.queueLimit, byteLimit: configuration.queueByteLimit)
        state = Locked(State(events: events, changedMs: nowMs))
    }

    /// 12 characters, 62 bits.
    static func randomName() -> String {
        let text = String(UInt64.random(in: 0..<(1 << 62)), radix: 36)
        return String(repeating: "0", count: max(12 - text.utf8.count, 0)) + text
    }

    /// An event's name ends with its line.
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 255 && !name.utf8.contains { $0 == 10 || $0 == 13 || $0 == 0 }
    }

    var description: EventStreamer.Client {
        state.withLock {
            EventStreamer.Client(
                id: id.text, topics: $0.topics.keys.sorted().map(\.text), isConnected: $0.isConnected)
        }
    }

    // MARK: Topics

    func prepare(_ topic: ChannelName) -> Preparation {
        state.withLock { state in
            if state.isClosed { return .closed }
            if state.topics[topic] != nil { return .known }
            guard state.topics.count < topicLimit else { return .tooMany }
            let ticket = InProcessTicket(channel: topic)
            state.topics[topic] = Topic(ticket: ticket)
            return .new(ticket)
        }
    }

    /// Waits until a topic that was prepared is live; the error if it was refused.
    func began(_ topic: ChannelName) async -> ReplyError? {
        let wait = Wait<ReplyError?>()
        let (mustWait, refusal): (Bool, ReplyError?) = state.withLock { state in
            guard let known = state.topics[topic], !known.isLive else { return (false, nil) }
            if let refusal = known.refusal {
                state.topics[topic] = nil
                return (false, refusal)
            }
            state.topics[topic]!.waiting.append(wait)
            return (true, nil)
        }
        return mustWait ? await wait.value(orWhenEnding: .stopping) : refusal
    }

    func forget(_ topic: ChannelName) -> InProcessTicket? {
        let removed = state.withLock { $0.topics.removeValue(forKey: topic) }
        for wait in removed?.waiting ?? [] { wait.end(nil) }
        return removed?.ticket
    }

    // MARK: From the channels

    func received(_ event: InProcessEvent, in channel: ChannelName) -> Bool {
        var waiting: [Wait<ReplyError?>] = []
        var error: ReplyError?
        let mustWake = state.withLock { state in
            guard !state.isClosed, let topic = state.topics[channel] else { return false }
            switch event {
            case .live:
                state.topics[channel]!.isLive = true
                waiting = topic.waiting
                state.topics[channel]!.waiting = []
                return false
            case .publication(let publication, _):
                state.events.append(.publication(topic: channel, publication))
            case .gap:
                state.events.append(
                    .failure(EventStreamFailure(code: "gap", message: "Events are missing", topic: channel)))
            case .ended(let reason):
                error = reason
                waiting = topic.waiting
                state.topics[channel] = nil
                // A waiting caller gets the error itself; a topic that was live ends for the page as well.
                guard topic.isLive else {
                    if waiting.isEmpty {
                        state.topics[channel] = topic
                        state.topics[channel]!.refusal = reason
                    }
                    return false
                }
                state.events.append(
                    .failure(
                        EventStreamFailure(
                            code: "subscription-failure",
                            message: "Cannot receive message from subscription, closing subscription", topic: channel)))
            }
            guard state.reader != nil, !state.isWaking else { return false }
            state.isWaking = true
            return true
        }
        for wait in waiting { wait.end(error) }
        return mustWake
    }

    func wake() {
        let reader = state.withLock { state in
            state.isWaking = false
            defer { state.reader = nil }
            return state.reader
        }
        reader?.resume()
    }

    // MARK: The stream

    /// Where a new stream begins.
    struct Opening: Sendable {
        var stream: UInt64
        /// Whether nothing is missing after the client's last event.
        ///
        /// nil: it did not say which that was.
        var isComplete: Bool?
        /// The event before the first that will be sent.
        var number: UInt64
        var topics: [ChannelName]
    }

    /// Takes a new connection; an older one of the client makes room for it.
    ///
    /// nil: the client is gone.
    ///
    /// - Parameter last: the event that the page saw last, as `Last-Event-ID` names it; nil: it names none.
    func connect(after last: String?) -> Opening? {
        let opening: Opening? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.stream += 1
            state.isConnected = true
            state.isFinishing = false
            var isComplete: Bool?
            if let last {
                isComplete = true
                if let number = eventNumber(of: last), number < state.events.next {
                    state.cursor = number + 1
                } else {
                    // Another server's, or another life's: all that is left is sent, and that something is missing is said.
                    state.cursor = state.events.first
                    isComplete = false
                }
            }
            if state.cursor < state.events.first {
                state.cursor = state.events.first
                isComplete = false
            }
            return Opening(
                stream: state.stream, isComplete: isComplete, number: state.cursor - 1,
                topics: state.topics.keys.sorted())
        }
        if opening != nil { wake() }
        return opening
    }

    /// The next step of a stream; waits until there is one.
    func next(for stream: UInt64) async -> Step {
        while true {
            if let step = step(for: stream) { return step }
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.stream == stream, !state.isClosed, !state.isFinishing,
                        state.cursor == state.events.next, !state.mustBeat
                    else { return false }
                    state.reader = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        }
    }

    private func step(for stream: UInt64) -> Step? {
        state.withLock { state in
            guard state.stream == stream else { return .leave }
            if state.cursor < state.events.next {
                let missed = state.events.first > state.cursor ? state.events.first - state.cursor : 0
                let number = state.cursor + missed
                let events = state.events.read(from: number, limit: 64)
                state.cursor = number + UInt64(events.count)
                return .send(events, number: number, missed: missed)
            }
            if state.isClosed { return .close }
            if state.isFinishing { return .leave }
            guard state.mustBeat else { return nil }
            state.mustBeat = false
            return .beat
        }
    }

    /// Something was written.
    func sent(_ stream: UInt64, nowMs: Int64) {
        state.withLock { if $0.stream == stream { $0.changedMs = nowMs } }
    }

    /// A stream is to end once it has sent what waits.
    ///
    /// Its page comes back, to the next server.
    func finish(_ stream: UInt64) {
        let isCurrent = state.withLock { state in
            guard state.stream == stream else { return false }
            state.isFinishing = true
            return true
        }
        if isCurrent { wake() }
    }

    /// The stream's connection is gone: from now on the client is away.
    func disconnect(_ stream: UInt64, nowMs: Int64) {
        let isCurrent = state.withLock { state in
            guard state.stream == stream, state.isConnected else { return false }
            state.isConnected = false
            state.stream += 1
            state.changedMs = nowMs
            return true
        }
        if isCurrent { wake() }
    }

    /// The client is removed: its stream sends what it has, a last event, and ends.
    func close() -> [InProcessTicket] {
        let (tickets, waiting) = state.withLock { state in
            state.isClosed = true
            defer { state.topics = [:] }
            return (state.topics.values.map(\.ticket), state.topics.values.flatMap(\.waiting))
        }
        for wait in waiting { wait.end(.stopping) }
        wake()
        return tickets
    }

    // MARK: Upkeep

    func isOver(nowMs: Int64, ttlMs: Int64) -> Bool {
        state.withLock { !$0.isConnected && nowMs - $0.changedMs >= ttlMs }
    }

    func beat(nowMs: Int64, heartbeatMs: Int64) {
        let isDue = state.withLock { state in
            guard state.isConnected, state.reader != nil, nowMs - state.changedMs >= heartbeatMs else { return false }
            state.mustBeat = true
            state.changedMs = nowMs
            return true
        }
        if isDue { wake() }
    }

    // MARK: Event ids

    func eventID(_ number: UInt64) -> String { "\(epoch)-\(number)" }

    private func eventNumber(of id: String) -> UInt64? {
        let start = "\(epoch)-".utf8
        guard id.utf8.starts(with: start) else { return nil }
        return UInt64(Substring(id.utf8.dropFirst(start.count)))
    }
}
