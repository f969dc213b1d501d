import CPharosSys
import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices

/// Server-sent events to clients whose topics your program chooses.
///
/// It is mounted in your own Hummingbird router:
///
/// ```swift
/// let streamer = EventStreamer(server: server)
/// let id = try streamer.newClient()
/// try await streamer.subscribe("prices", client: id)
/// router.get("/stream", use: streamer.respond)     // GET /stream?id=…
/// ```
///
/// A topic is a channel of the server. A client exists before it connects and outlives its connection by the TTL: events
/// that are published meanwhile arrive after it has come back, in order. The newest `queueLimit` events of a client are
/// kept for that; the loss of older ones is announced, by `recovered: false` in the first event or a `lagging` error in
/// the stream. The same bound holds for a client that reads too slowly: its oldest events go, and no other client waits
/// for it.
///
/// With the graceful shutdown of the Hummingbird application every stream ends by itself, after the events that wait for
/// its page; the browser comes back to the next one.
public final class EventStreamer: Sendable {
    public struct Configuration: Sendable {
        /// How long a client outlives its connection, and its creation.
        public var ttl = Duration.seconds(60)
        public var form = Form.named
        /// Events kept per client.
        public var queueLimit = 1_000
        /// Bytes of payload kept per client.
        public var queueByteLimit = 1_048_576
        /// An idle stream gets a comment this often.
        public var heartbeat = Duration.seconds(25)
        /// How long a browser waits before it comes back.
        public var retry = Duration.seconds(1)
        public var clientLimit = 100_000
        /// Topics of one client.
        public var topicLimit = 128

        public init() {}
    }

    /// How a page reads the events.
    public enum Form: Hashable, Sendable {
        /// The event's name is the topic, its data the payload.
        ///
        /// Events of the streamer itself have no name.
        case named
        /// Every event's data is `["<topic>","<payload>"]`.
        ///
        /// Events of the streamer itself have a topic under `/unifrost/`.
        case array
    }

    /// The state of a client.
    public struct Client: Hashable, Sendable {
        public let id: String
        /// In alphabetical order.
        public let topics: [String]
        public let isConnected: Bool

        package init(id: String, topics: [String], isConnected: Bool) {
            self.id = id
            self.topics = topics
            self.isConnected = isConnected
        }
    }

    public struct Totals: Hashable, Sendable {
        public let clients: Int
        public let connected: Int
        /// Subscriptions, over all clients.
        public let topics: Int

        package init(clients: Int = 0, connected: Int = 0, topics: Int = 0) {
            self.clients = clients
            self.connected = connected
            self.topics = topics
        }
    }

    public enum Failure: Error, Hashable, Sendable {
        case unknownClient
        case clientExists
        /// More than 255 bytes, none at all, or a line break in it.
        case invalidName
        case tooManyClients
        case tooManyTopics
        case closed
        /// The server refuses the topic.
        case refused(PharosError)
    }

    struct State: Sendable {
        var clients: [ClientName: StreamedClient] = [:]
        var isClosed = false
        /// Answers that are being written.
        var streams = 0
        var closers: [CheckedContinuation<Void, Never>] = []
        var upkeep: Task<Void, Never>?
    }

    let server: PharosServer
    let configuration: Configuration
    let clock: @Sendable () -> Int64
    let state = Locked(State())

    public convenience init(server: PharosServer, configuration: Configuration = Configuration()) {
        self.init(server: server, configuration: configuration, clock: { pharos_monotonic_ms() })
        let tick = min(max(min(configuration.ttl, configuration.heartbeat) / 4, .milliseconds(10)), .seconds(1))
        let upkeep = Task { [weak self] in
            while !Task.isCancelled {
                try? await Task.sleep(for: tick)
                guard let self else { return }
                self.tick()
            }
        }
        state.withLock { $0.upkeep = upkeep }
    }

    /// Makes a streamer without upkeep of its own: its maker calls `tick`.
    package init(server: PharosServer, configuration: Configuration, clock: @escaping @Sendable () -> Int64) {
        self.server = server
        self.configuration = configuration
        self.clock = clock
    }

    deinit { state.withLock { $0.upkeep }?.cancel() }

    // MARK: Clients

    /// Makes a client with a random id, which no one can guess.
    public func newClient() throws(Failure) -> String {
        let id = StreamedClient.randomName() + StreamedClient.randomName()
        try newClient(id: id)
        return id
    }

    /// Makes a client with an id of yours. Who knows the id can read the stream.
    public func newClient(id: String) throws(Failure) {
        guard StreamedClient.isName(id) else { throw .invalidName }
        let client = StreamedClient(id: ClientName(id), configuration: configuration, nowMs: clock())
        let failure: Failure? = state.withLock { state in
            if state.isClosed { return .closed }
            if state.clients[client.id] != nil { return .clientExists }
            if state.clients.count >= configuration.clientLimit { return .tooManyClients }
            state.clients[client.id] = client
            return nil
        }
        if let failure { throw failure }
    }

    /// nil: there is none, or no longer.
    public func client(_ id: String) -> Client? { found(id)?.description }

    /// Removes a client; its stream ends with a last event.
    ///
    /// One that does not exist is no error.
    public func remove(_ id: String) {
        guard let client = state.withLock({ $0.clients.removeValue(forKey: ClientName(id)) }) else { return }
        for ticket in client.close() { server.leave(ticket) }
    }

    public var totals: Totals {
        let clients = state.withLock { Array($0.clients.values) }.map(\.description)
        return Totals(
            clients: clients.count, connected: clients.count { $0.isConnected },
            topics: clients.reduce(0) { $0 + $1.topics.count })
    }

    // MARK: Topics

    /// Subscribes a client, whether it is connected or not.
    ///
    /// It returns once everything that is published will reach the client. Subscribing twice is no error.
    public func subscribe(_ topic: String, client id: String) async throws(Failure) {
        guard StreamedClient.isName(topic) else { throw .invalidName }
        guard let client = found(id) else { throw .unknownClient }
        let topic = ChannelName(topic)
        switch client.prepare(topic) {
        case .known: break
        case .new(let ticket): server.join(InProcessJoin(ticket, client, from: nil))
        case .tooMany: throw .tooManyTopics
        case .closed: throw .unknownClient
        }
        if let error = await client.began(topic) { throw .refused(PharosError(error)) }
    }

    /// Unsubscribes a client; a topic that it does not have is no error.
    public func unsubscribe(_ topic: String, client id: String) throws(Failure) {
        guard let client = found(id) else { throw .unknownClient }
        if let ticket = client.forget(ChannelName(topic)) { server.leave(ticket) }
    }

    /// In alphabetical order.
    public func topics(of id: String) throws(Failure) -> [String] {
        guard let client = found(id) else { throw .unknownClient }
        return client.description.topics
    }

    // MARK: End

    /// Ends every stream with a last event, and lets no client in any more.
    ///
    /// Waits until the streams have ended, at most `limit`: one whose client does not read is left behind then.
    public func close(within limit: Duration = .seconds(1)) async {
        let clients = state.withLock { state in
            state.isClosed = true
            state.upkeep?.cancel()
            defer { state.clients = [:] }
            return Array(state.clients.values)
        }
        for client in clients {
            for ticket in client.close() { server.leave(ticket) }
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.streamsEnded() }
            group.addTask { try? await Task.sleep(for: limit) }
            _ = await group.next()
            self.releaseClosers()
            group.cancelAll()
        }
    }

    private func streamsEnded() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.streams > 0 { state.closers.append(continuation) }
                return state.streams == 0
            }
            if isOver { continuation.resume() }
        }
    }

    private func releaseClosers() {
        let closers = state.withLock { state in
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    func streamBegan() { state.withLock { $0.streams += 1 } }

    func streamEnded() {
        let closers: [CheckedContinuation<Void, Never>] = state.withLock { state in
            state.streams -= 1
            guard state.streams == 0 else { return [] }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.resume() }
    }

    // MARK: Upkeep

    /// Forgets clients that have been away for the TTL.
    ///
    /// Idle streams show that they live.
    package func tick() {
        let now = clock()
        let ttlMs = configuration.ttl.boundedMilliseconds
        let heartbeatMs = configuration.heartbeat.boundedMilliseconds
        for client in state.withLock({ Array($0.clients.values) }) {
            if client.isOver(nowMs: now, ttlMs: ttlMs) {
                remove(client.id.text)
            } else {
                client.beat(nowMs: now, heartbeatMs: heartbeatMs)
            }
        }
    }

    func found(_ id: String) -> StreamedClient? { state.withLock { $0.clients[ClientName(id)] } }
}
