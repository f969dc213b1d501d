import PharosDomain
import PharosProtocol
import PharosServices

extension PharosServer {
    /// Whose connections are meant.
    public enum Clients: Hashable, Sendable {
        /// All connections of a user.
        case user(String)
        /// One connection, by its id.
        case client(String)
        /// The connection of a session.
        ///
        /// A connect reply names it so, or it is the key under which a client finds its state again.
        case session(String)
        /// The subscribers of a channel.
        case channel(String)
        case all
    }

    /// Sends a message to connections themselves, in no channel.
    ///
    /// A client that is not connected does not get it later.
    ///
    /// - Parameter excluded: ids of connections that do not get it, at most 1,000.
    /// - Returns: to how many connections it went.
    /// - Throws: 102 for a single connection or session that is not there.
    @discardableResult
    public func send(
        _ data: [UInt8], to clients: Clients, excluding excluded: [String] = []
    ) async throws(PharosError) -> Int {
        var request = APISend()
        request.target = clients.target
        request.target.exclude = try PharosServer.ids(excluded)
        request.data = data
        request.dataIsJSON = data.withUnsafeBytes { JSONScanner.isValid($0) }
        return try await call(request).delivered
    }

    /// The same for text that is JSON.
    @discardableResult
    public func send(
        _ json: String, to clients: Clients, excluding excluded: [String] = []
    ) async throws(PharosError) -> Int {
        try await send(Array(json.utf8), to: clients, excluding: excluded)
    }

    /// Subscribes clients that are connected.
    ///
    /// They get the channel as if they had been given it at connect.
    ///
    /// - Parameters:
    ///   - clients: a user, a connection or a session.
    ///   - position: publications after it reach them first.
    public func subscribe(
        _ clients: Clients, to channel: String, from position: Position? = nil
    ) async throws(PharosError) {
        let target = clients.target
        guard target.channel.isEmpty, !target.all else {
            throw PharosError(.badRequest("name a user, a client or a session"))
        }
        var request = APISubscribe()
        (request.user, request.client, request.session) = (target.user, target.client, target.session)
        request.channel = ChannelName(channel)
        request.recoverSince = position?.streamPosition
        _ = try await call(request)
    }

    /// Takes clients out of a channel.
    ///
    /// They are informed, and go on with everything else.
    ///
    /// - Parameters:
    ///   - clients: `.all` is every subscriber.
    ///   - excluded: ids of connections that stay, at most 1,000.
    public func kick(
        _ clients: Clients, from channel: String, excluding excluded: [String] = []
    ) async throws(PharosError) {
        let target = clients.target
        guard target.channel.isEmpty else { throw PharosError(.badRequest("name a user, a client, a session or all")) }
        var request = APIUnsubscribe()
        (request.user, request.client, request.session, request.all) = (
            target.user, target.client, target.session, target.all
        )
        request.channel = ChannelName(channel)
        request.exclude = try PharosServer.ids(excluded)
        _ = try await call(request)
    }

    /// Ends connections.
    ///
    /// - Parameters:
    ///   - excluded: ids of connections that stay, at most 1,000.
    ///   - code: 3,000 to 4,999. From 3,500 to 3,999 and from 4,500 on clients do not come back by themselves.
    public func disconnect(
        _ clients: Clients, excluding excluded: [String] = [], code: UInt32 = 3_503,
        reason: String = "force disconnect"
    ) async throws(PharosError) {
        guard 3_000...4_999 ~= code else { throw PharosError(.badRequest("code must be from 3000 to 4999")) }
        let target = clients.target
        var request = APIDisconnect()
        (request.user, request.client, request.session) = (target.user, target.client, target.session)
        (request.channel, request.all) = (target.channel, target.all)
        request.exclude = try PharosServer.ids(excluded)
        request.disconnect = Disconnect(code: code, reason: reason)
        _ = try await call(request)
    }

    /// The connections of a user, of a channel, or all, in the order of their ids.
    public func connections(
        of user: String = "", in channel: String = ""
    ) async throws(PharosError) -> [Connection] {
        var request = APIConnections()
        (request.user, request.channel, request.limit) = (UserID(user), ChannelName(channel), APIConnections.pageLimit)
        var all: [Connection] = []
        while true {
            let page = try await call(request)
            all += page.connections.map { Connection($0) }
            guard let next = ClientID(page.nextCursor) else { return all }
            request.cursor = next
        }
    }

    private static func ids(_ texts: [String]) throws(PharosError) -> Set<ClientID> {
        guard texts.count <= APITarget.excludeLimit else {
            throw PharosError(.badRequest("at most \(APITarget.excludeLimit) clients can be excluded"))
        }
        // A text that is no id belongs to no client.
        return Set(texts.compactMap { ClientID($0) })
    }
}

extension PharosServer.Clients {
    fileprivate var target: APITarget {
        var target = APITarget()
        switch self {
        case .user(let user): target.user = UserID(user)
        case .client(let client): target.client = ClientName(client)
        case .session(let session): target.session = SessionKey(session)
        case .channel(let channel): target.channel = ChannelName(channel)
        case .all: target.all = true
        }
        return target
    }
}

extension PharosServer {
    /// One connection, as ``PharosServer/connections(of:in:)`` lists it.
    public struct Connection: Hashable, Sendable {
        public let client: String
        /// "" anonymous.
        public let user: String
        /// `websocket`, `http_stream`, `sse`, `events` or `poll`.
        public let transport: String
        /// Seconds since 1970.
        public let connectedAt: Int64
        /// How many channels it is subscribed to.
        public let channels: Int

        fileprivate init(_ connection: APIConnection) {
            client = connection.client.text
            user = connection.user.text
            transport = connection.transport
            connectedAt = connection.connectedAt
            channels = connection.channels
        }
    }
}
