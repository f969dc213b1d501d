import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// The server API on one shard.
///
/// It keeps the calls that wait for relays, for other shards and nodes, or for one another.
struct APIService: ~Copyable {
    /// Calls that are answered as one.
    var batches = TicketTable<CallBatch>()
    /// Calls that nodes were asked about.
    private var asked = TicketTable<AskedCall>()

    /// Milliseconds in which nodes must have answered.
    private static var answerTimeMs: Int64 { 10_000 }

    private struct AskedCall {
        let origin: CallOrigin
        let result: ResultKind
    }

    /// How the answers of shards and nodes become a result.
    enum ResultKind {
        case done
        case channels(APIChannels)
        case info
        case send(APITarget)
        case connections(limit: Int)
    }

    // MARK: All shards and nodes

    mutating func controlAll(
        _ command: ControlCommand, _ result: ResultKind, _ origin: CallOrigin, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        control(command, of: .all, result, origin, &core, &edge)
    }

    /// Asks the nodes on which there may be such connections.
    mutating func control(
        _ command: ControlCommand, of scope: NodeScope, _ result: ResultKind, _ origin: CallOrigin,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let ticket = asked.add(AskedCall(origin: origin, result: result))
        core.askNodes(command, of: scope, deadlineMs: edge.nowMs + APIService.answerTimeMs, ticket: ticket)
    }

    /// Nodes have answered, or the time is over.
    mutating func gathered(_ ticket: UInt64, _ answers: NodeAnswers, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let call = asked.take(ticket) else { return }
        // A part would pass for the whole.
        guard answers.missing.isEmpty else { return finish(call.origin, .failure(.internalError), &core, &edge) }
        finish(call.origin, result(call.result, answers.answer, core, edge), &core, &edge)
    }

    private func result(
        _ kind: ResultKind, _ answer: ControlAnswer?, _ core: borrowing ShardCore, _ edge: borrowing Edge
    ) -> Result<APIResult, ReplyError> {
        switch (kind, answer) {
        case (_, .failed(let error)): .failure(error)
        case (.done, _): .success(.empty)
        case (.channels(let request), .channels(let channels)): .success(page(request, channels))
        case (.info, .summary(let nodes)): .success(.info(nodes.map(APINodeInfo.init)))
        case (.send(let target), .sent(let count)): count.result(of: target)
        // No node knows the client.
        case (.send(let target), nil): SendCount().result(of: target)
        case (.connections(let limit), .connections(let connections)): .success(page(connections, limit))
        case (.channels, _), (.info, _), (.send, _), (.connections, _):
            preconditionFailure("shards answered another command than they were asked")
        }
    }

    /// A call that came in outside the shards.
    mutating func call(_ call: BackendCall, _ core: inout ShardCore, _ edge: inout Edge) {
        var transportErrors = core.node.settings.api.transportErrorMode
        if let mode = call.headers["x-centrifugo-error-mode"] { transportErrors = mode == "transport" }
        let origin = CallOrigin.backend(call, transportErrors: transportErrors)
        guard call.path.home == .shards else { return core.answer(call, .error(404, "not found")) }
        switch core.node.apiAccess.verdict(of: call, method: call.path.method) {
        case .granted:
            call.withKey { key in
                call.body.withUnsafeBytes { callAPI(call.path, $0, key: key, origin: origin, &core, &edge) }
            }
        case .unauthorized: core.answer(call, .error(401, "unauthorized"))
        case .forbidden: core.answer(call, .error(403, "this key may not call this method"))
        }
    }

    // MARK: Parts of answers

    /// Names in order, after the cursor, at most as many as asked for.
    private func page(_ request: APIChannels, _ channels: [ChannelName: Int]) -> APIResult {
        var names = channels.keys.filter {
            (request.cursor.isEmpty || $0 > ChannelName(request.cursor))
                && (request.pattern.isEmpty || Glob.matches(request.pattern, $0))
        }
        var next = ""
        if request.limit > 0, names.count > Int(request.limit) {
            names.sort()
            names.removeLast(names.count - Int(request.limit))
            next = names.last?.text ?? ""
        }
        var page: [ChannelName: Int] = [:]
        for name in names { page[name] = channels[name] }
        return .channels(page, nextCursor: next)
    }

    /// Parts of all shards made one page.
    private func page(_ connections: [APIConnection], _ limit: Int) -> APIResult {
        let sorted = connections.sorted { $0.client < $1.client }
        let page = Array(sorted.prefix(limit))
        return .connections(page, nextCursor: sorted.count > limit ? page.last?.client.text ?? "" : "")
    }

    // MARK: Connections

    mutating func execute(
        _ request: APISend, _ origin: CallOrigin, _ core: inout ShardCore, _ edge: inout Edge
    ) throws(ReplyError) {
        var message = Publication(data: request.data)
        message.isJSON = request.dataIsJSON
        guard PublicationSize.fits(message, in: "", limit: core.node.settings.client.queueMaxSize) else {
            throw .publicationTooLarge
        }
        guard !request.target.client.isEmpty else {
            return controlAll(.send(request), .send(request.target), origin, &core, &edge)
        }
        guard let client = ClientID(request.target.client) else { throw .unknownConnection }
        control(.send(request), of: .client(client), .send(request.target), origin, &core, &edge)
    }
}

extension APINodeInfo {
    fileprivate init(_ summary: ShardSummary) {
        self.init()
        uid = summary.uid
        name = summary.name
        version = summary.version
        clients = UInt32(clamping: summary.clients)
        users = UInt32(clamping: summary.userCount)
        subscriptions = UInt32(clamping: summary.subscriptions)
        channels = UInt32(clamping: summary.channelCount)
        uptime = UInt32(clamping: summary.uptime)
    }
}

extension SendCount {
    /// The result of `send`; for a single connection that is not there an error.
    ///
    /// The caller must not believe that it got the message.
    fileprivate func result(of target: APITarget) -> Result<APIResult, ReplyError> {
        guard !target.isSingle || delivered + undeliverable + excluded > 0 else {
            return .failure(.unknownConnection)
        }
        return .success(.sent(delivered: delivered, undeliverable: undeliverable))
    }
}

extension ReplyError {
    static let unknownConnection = ReplyError(code: unknownChannel.code, message: "unknown connection")
}
