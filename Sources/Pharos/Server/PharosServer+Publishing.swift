import PharosDomain
import PharosProtocol
import PharosServices

extension PharosServer {
    /// How a publication is treated.
    public struct PublishOptions: Hashable, Sendable {
        public var tags: [String: String] = [:]
        /// Only those who are there now get it; it has no position.
        public var skipsHistory = false
        /// A key that a repeat has in common with the first; "": none.
        ///
        /// The repeat is answered like the first and is not delivered. The key is kept for five minutes.
        public var idempotencyKey = ""
        /// Id of the connection that does not get it live; "": none.
        ///
        /// For example the one that it came from.
        public var excludedClient = ""

        public init(
            tags: [String: String] = [:], skipsHistory: Bool = false, idempotencyKey: String = "",
            excludedClient: String = ""
        ) {
            self.tags = tags
            self.skipsHistory = skipsHistory
            self.idempotencyKey = idempotencyKey
            self.excludedClient = excludedClient
        }
    }

    /// Publishes to a channel, and returns once its stream has the publication.
    ///
    /// Publications that one task makes, one after the other, keep their order.
    ///
    /// - Parameter data: JSON, or any bytes; those that are no JSON reach clients that speak JSON as base64.
    /// - Returns: its position; nil in channels without history.
    @discardableResult
    public func publish(
        _ data: [UInt8], to channel: String, options: PublishOptions = PublishOptions()
    ) async throws(PharosError) -> Position? {
        let request = APIRequest.publish(APIPublish(data, to: channel, options))
        guard case .publish(let position) = try await call(request) else { throw PharosError(.internalError) }
        return position.epoch.isEmpty ? nil : Position(position)
    }

    /// The same for text, which should be JSON.
    ///
    /// Any other text reaches clients that speak JSON as base64.
    @discardableResult
    public func publish(
        _ json: String, to channel: String, options: PublishOptions = PublishOptions()
    ) async throws(PharosError) -> Position? {
        try await publish(Array(json.utf8), to: channel, options: options)
    }

    /// Publishes many to one channel, in their order and much faster than one by one.
    ///
    /// - Returns: a position for each; nil in channels without history.
    /// - Throws: the first error; what came before it was published.
    @discardableResult
    public func publish(
        contentsOf all: [[UInt8]], to channel: String, options: PublishOptions = PublishOptions()
    ) async throws(PharosError) -> [Position?] {
        var positions: [Position?] = []
        positions.reserveCapacity(all.count)
        var rest = all[...]
        while !rest.isEmpty {
            // In pieces, so that a shard is not busy with one caller for long.
            let piece = rest.prefix(1_000)
            rest = rest.dropFirst(1_000)
            let publishes = piece.map {
                Result<APIRequest, ReplyError>.success(.publish(APIPublish($0, to: channel, options)))
            }
            for reply in try await call(APIBatch(publishes, parallel: true)).replies {
                switch reply.result {
                case .success(.publish(let position)):
                    positions.append(position.epoch.isEmpty ? nil : Position(position))
                case .success: throw PharosError(.internalError)
                case .failure(let error): throw PharosError(error)
                }
            }
        }
        return positions
    }

    /// Carries out one verb of the server API, with every permission.
    func call<Verb: ShardVerb>(_ verb: Verb) async throws(PharosError) -> Verb.Output {
        guard let output = try await call(verb.request).output as? Verb.Output else {
            throw PharosError(.internalError)
        }
        return output
    }

    /// The same without a box for the result.
    func call(_ request: APIRequest) async throws(PharosError) -> APIResult {
        switch await (try shards()).callAPI(request) {
        case .success(let result): return result
        case .failure(.stopping):
            await ending.ownTurn()
            throw .stopped
        case .failure(let error): throw PharosError(error)
        }
    }
}

extension APIPublish {
    fileprivate init(_ data: [UInt8], to channel: String, _ options: PharosServer.PublishOptions) {
        self.init()
        self.channel = ChannelName(channel)
        self.data = data
        dataIsJSON = data.withUnsafeBytes { JSONScanner.isValid($0) }
        tags = options.tags.named()
        skipHistory = options.skipsHistory
        idempotencyKey = IdempotencyKey(options.idempotencyKey)
        excludeClient = ClientID(options.excludedClient)
    }
}
