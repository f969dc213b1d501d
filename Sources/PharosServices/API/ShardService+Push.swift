import PharosDomain
import PharosEdge
import PharosProtocol

/// How many connections were meant by a message, and what became of it.
struct SendCount: Sendable {
    var delivered = 0
    var undeliverable = 0
    /// Meant but for being excluded.
    var excluded = 0

    mutating func add(_ other: SendCount) {
        delivered += other.delivered
        undeliverable += other.undeliverable
        excluded += other.excluded
    }

    /// A single connection that is not there is an error: nobody should believe that it was told.
    func result(of target: APITarget) -> Result<APIResult, ReplyError> {
        guard !target.isSingle || delivered + undeliverable + excluded > 0 else {
            return .failure(.unknownConnection)
        }
        return .success(.sent(delivered: delivered, undeliverable: undeliverable))
    }
}

extension ReplyError {
    static let unknownConnection = ReplyError(code: unknownChannel.code, message: "unknown connection")
}

/// Messages to connections themselves, and the list of them.
extension ShardService {
    mutating func execute(_ request: APISend, _ origin: CallOrigin, _ edge: inout Edge) throws(ReplyError) {
        var message = Publication(data: request.data)
        message.isJSON = request.dataIsJSON
        guard PublicationSize.fits(message, in: "", limit: node.settings.client.queueMaxSize) else {
            throw .publicationTooLarge
        }
        guard !request.target.client.isEmpty else {
            return controlAll(.send(request), .send(request.target), origin, &edge)
        }
        // A client's id tells where it is.
        guard let shard = ClientID(request.target.client).flatMap({ node.shard(of: $0) }) else {
            throw .unknownConnection
        }
        control(.send(request), on: shard..<shard + 1, .send(request.target), origin, &edge)
    }

    // MARK: This shard's part

    mutating func send(_ request: APISend, _ edge: inout Edge) -> SendCount {
        var count = SendCount()
        var everybody = request.target
        everybody.exclude = []
        for id in matching(everybody, edge) {
            if request.target.exclude.contains(sessions[id].session.client) {
                count.excluded += 1
            } else if send(request.data, isJSON: request.dataIsJSON, to: id, &edge) {
                count.delivered += 1
            } else {
                count.undeliverable += 1
            }
        }
        return count
    }

    /// false: the connection cannot carry it.
    private mutating func send(_ data: [UInt8], isJSON: Bool, to id: ConnectionID, _ edge: inout Edge) -> Bool {
        let wire = sessions[id].wire
        if wire.carrier == .events { return sendEventsMessage(data, isJSON: isJSON, to: id, &edge) }
        write(Push(channel: "", event: .message(data: data)), to: id, wire, &edge)
        return true
    }

    /// The first connections after the cursor, one more than a page: then there is a next one.
    func list(_ request: APIConnections, _ edge: borrowing Edge) -> [APIConnection] {
        var target = APITarget()
        (target.user, target.channel) = (request.user, request.channel)
        target.all = target.isEmpty
        var found: [(client: ClientID, id: ConnectionID)] = []
        for id in matching(target, edge) {
            let client = sessions[id].session.client
            if let cursor = request.cursor, !(cursor < client) { continue }
            if found.count > request.limit {
                guard client < found[request.limit].client else { continue }
                found.removeLast()
            }
            // The order of so few is kept by insertion: nearly all of many are refused above.
            let place = found.firstIndex { client < $0.client } ?? found.count
            found.insert((client, id), at: place)
        }
        return found.map { entry(of: $0.id) }
    }

    private func entry(of id: ConnectionID) -> APIConnection {
        var entry = APIConnection(client: sessions[id].session.client)
        entry.user = sessions[id].session.user
        entry.transport = sessions[id].wire.carrier.name
        entry.connectedAt = Int64(sessions[id].connectedAt)
        let name = Int(sessions[id].name)
        if name > 0 { entry.name = node.settings.client.registeredNames[name - 1] }
        entry.channels = sessions[id].session.subscriptions.count
        return entry
    }

    /// Parts of all shards made one page.
    func page(_ connections: [APIConnection], _ limit: Int) -> APIResult {
        let sorted = connections.sorted { $0.client < $1.client }
        let page = Array(sorted.prefix(limit))
        return .connections(page, nextCursor: sorted.count > limit ? page.last?.client.text ?? "" : "")
    }
}
