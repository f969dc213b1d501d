import PharosBytes
import PharosChannels
package import PharosDomain
import PharosEdge
import PharosProtocol

/// The server API: calls are decoded, checked, carried out and answered.
///
/// They are carried out here, by a channel's owner, or by all shards.
extension APIService {
    mutating func callAPI(
        _ path: APIPath, _ body: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer?, origin: CallOrigin,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let request: APIRequest
        do throws(ReplyError) {
            switch path {
            case .method(let method): request = try APIRequestDecoder.decode(method: method, body: body)
            case .envelope: request = try APIRequestDecoder.decodeEnvelope(body)
            }
        } catch {
            // A caller whose body is no JSON at all may not look into answers either.
            guard body.isEmpty || JSONScanner.isValid(body) else { return refuseBody(error, origin, &core, &edge) }
            return finish(origin, .failure(error), &core, &edge)
        }
        // What the envelope or a batch names is known only now.
        guard isGranted(request, key, core) else {
            note(.apiKey, "scope", request, origin, core, edge)
            return finish(origin, .failure(.permissionDenied), &core, &edge)
        }
        execute(request, origin: origin, &core, &edge)
    }

    private func isGranted(
        _ request: APIRequest, _ key: UnsafeRawBufferPointer?, _ core: borrowing ShardCore
    ) -> Bool {
        guard core.node.apiAccess.verdict(key: key, method: request.name) == .granted else { return false }
        guard case .batch(let batch) = request else { return true }
        return batch.commands.allSatisfy { command in
            guard case .success(let request) = command else { return true }
            return isGranted(request, key, core)
        }
    }

    mutating func execute(_ request: APIRequest, origin: CallOrigin, _ core: inout ShardCore, _ edge: inout Edge) {
        core.counters.apiCalls[request.name.text, default: 0] += 1
        do throws(ReplyError) {
            switch request {
            case .publish(let publish): try execute(publish, origin, &core, &edge)
            case .broadcast(let broadcast): begin(CallBatch(broadcast: broadcast, origin: origin), &core, &edge)
            case .batch(let batch): begin(CallBatch(batch, origin: origin), &core, &edge)
            case .planned(let verb):
                switch try verb.plan(core.rules) {
                case .one(let operation): try execute(operation, origin, &core, &edge)
                case .several(let operations, let result):
                    begin(CallBatch(operations: operations, result: result, origin: origin), &core, &edge)
                }
            }
        } catch {
            if error == .unknownChannel { note(.channel, "api", request, origin, core, edge) }
            finish(origin, .failure(error), &core, &edge)
        }
    }

    /// Carries out a part of a plan.
    ///
    /// The verb has looked into the channel's rules already.
    private mutating func execute(
        _ operation: ShardOperation, _ origin: CallOrigin, _ core: inout ShardCore, _ edge: inout Edge
    ) throws(ReplyError) {
        switch operation {
        case .members(let channel): core.ask(.presence(channel: channel), channel, for: .call(origin))
        case .memberCounts(let channel): core.ask(.presenceStats(channel: channel), channel, for: .call(origin))
        case .read(let history, let options):
            let order = HistoryOrder(
                channel: history.channel, options: options, limit: history.limit, since: history.since,
                reverse: history.reverse)
            core.ask(.history(order), history.channel, for: .call(origin))
        case .removeHistory(let channel):
            let options = try core.rules.resolve(channel).options
            core.ask(.removeHistory(channel: channel, options: options), channel, for: .call(origin))
        case .retention(let options):
            let retention = ChannelRetention(
                options, isDurable: core.node.stores.name(for: options) != StreamStores.memoryName)
            finish(origin, .success(.value(retention)), &core, &edge)
        case .subscribe(let subscribe): controlAll(.subscribe(subscribe), .done, origin, &core, &edge)
        case .unsubscribe(let unsubscribe): controlAll(.unsubscribe(unsubscribe), .done, origin, &core, &edge)
        case .disconnect(let disconnect): controlAll(.disconnect(disconnect), .done, origin, &core, &edge)
        case .refresh(let refresh): controlAll(.refresh(refresh), .done, origin, &core, &edge)
        case .send(let send): try execute(send, origin, &core, &edge)
        case .listConnections(let connections):
            controlAll(.listConnections(connections), .connections(limit: connections.limit), origin, &core, &edge)
        case .listChannels(let page): controlAll(.listChannels, .channels(page), origin, &core, &edge)
        case .countSubscribers(let channel):
            controlAll(.countSubscribers(channel), .channels(APIChannels()), origin, &core, &edge)
        case .summary: controlAll(.summary, .info, origin, &core, &edge)
        }
    }

    /// A call that was refused; its channel is named where it has one.
    private func note(
        _ kind: RefusalKind, _ reason: String, _ request: APIRequest, _ origin: CallOrigin, _ core: borrowing ShardCore,
        _ edge: borrowing Edge
    ) {
        guard var line = core.node.refusals.count(kind, reason) else { return }
        if case .http(let ticket, _) = origin { line.refusal.address = core.address(of: ticket.id, edge) }
        line.refusal.details = [.init("call", request.name)]
        if let channel = request.namedChannel { line.refusal.details.append(.init("channel", channel)) }
        core.node.refusals.write(line)
    }

    // MARK: Publishing

    private mutating func execute(
        _ request: APIPublish, _ origin: CallOrigin, _ core: inout ShardCore, _ edge: inout Edge
    ) throws(ReplyError) {
        guard !request.data.isEmpty else { throw .badRequest }
        edge.spend(request.data.count)
        let options = try core.rules.resolve(request.channel).options
        var publication = Publication(data: request.data, tags: request.tags)
        publication.isJSON = request.dataIsJSON
        publication.allowsDelta = request.delta || options.deltaPublish
        try core.check(publication, request.channel, options)
        let order = EnginePublish(
            channel: request.channel, publication: publication, options: options, skipHistory: request.skipHistory,
            idempotencyKey: request.idempotencyKey, version: request.version, versionEpoch: request.versionEpoch,
            except: request.excludeClient)
        core.ask(.publish(order), request.channel, for: .call(origin))
    }

    // MARK: Batches

    private mutating func begin(_ batch: CallBatch, _ core: inout ShardCore, _ edge: inout Edge) {
        runBatch(batches.add(batch), &core, &edge)
    }

    /// Begins the next call of a batch.
    ///
    /// The one after it is begun by a message, so that the shard sees to this one first: there may be thousands, and a turn
    /// has its limit.
    private mutating func runBatch(_ ticket: UInt64, _ core: inout ShardCore, _ edge: inout Edge) {
        let isTurnOver = edge.isSliceSpent
        guard let next = batches.update(ticket, { $0.takeNext(isTurnOver: isTurnOver) }) else { return }
        switch next {
        case .turnOver: core.goOnLater(.calls(ticket), &edge)
        case .later: break
        case .over:
            guard let batch = batches.take(ticket) else { return }
            finish(batch.origin, batch.result(), &core, &edge)
        case .item(let index, let item):
            _ = batches.update(ticket) { $0.isListed = true }
            edge.spend(Cost.call)
            begin(item, .item(parent: ticket, index: index), &core, &edge)
            core.post(.continueCalls(ticket), to: core.index)
        }
    }

    private mutating func begin(
        _ item: CallBatch.Item, _ origin: CallOrigin, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        do throws(ReplyError) {
            switch item {
            case .call(let request): execute(request, origin: origin, &core, &edge)
            case .publish(let publish): try execute(publish, origin, &core, &edge)
            case .operation(let operation): try execute(operation, origin, &core, &edge)
            }
        } catch {
            if error == .unknownChannel, case .publish(let publish) = item {
                note(.channel, "api", .publish(publish), origin, core, edge)
            }
            finish(origin, .failure(error), &core, &edge)
        }
    }

    /// The batch's turn has come.
    mutating func continueCalls(_ ticket: UInt64, _ core: inout ShardCore, _ edge: inout Edge) {
        _ = batches.update(ticket) { $0.isListed = false }
        runBatch(ticket, &core, &edge)
    }

    private mutating func itemFinished(
        _ ticket: UInt64, _ index: Int, _ result: Result<APIResult, ReplyError>, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        let isWaited = batches.update(ticket) { batch in
            batch.note(result, of: index)
            return !batch.isListed
        }
        if isWaited == true { runBatch(ticket, &core, &edge) }
    }

    // MARK: Answers

    mutating func finish(
        _ origin: CallOrigin, _ result: Result<APIResult, ReplyError>, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        switch origin {
        case .item(let parent, let index): itemFinished(parent, index, result, &core, &edge)
        case .direct(let call):
            core.answer(call, result)
        case .http(let ticket, let transportErrors):
            let status = encode(result, transportErrors, &core)
            core.scratch.withBytes { edge.respond(ticket, status: status, body: $0) }
            core.scratch.removeAll()
        case .backend(let call, let transportErrors):
            let status = encode(result, transportErrors, &core)
            core.answer(call, APIResponse(status: status, body: core.scratch.array))
            core.scratch.removeAll()
        }
    }

    /// Answers with 400, whatever the mode of errors is.
    private mutating func refuseBody(
        _ error: ReplyError, _ origin: CallOrigin, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let transportErrors: Bool
        switch origin {
        case .http(_, let mode), .backend(_, let mode): transportErrors = mode
        default: return finish(origin, .failure(error), &core, &edge)
        }
        _ = encode(.failure(error), transportErrors, &core)
        defer { core.scratch.removeAll() }
        switch origin {
        case .http(let ticket, _): core.scratch.withBytes { edge.respond(ticket, status: 400, body: $0) }
        case .backend(let call, _): core.answer(call, APIResponse(status: 400, body: core.scratch.array))
        default: break
        }
    }

    /// Encodes into `scratch`; the HTTP status.
    private func encode(
        _ result: Result<APIResult, ReplyError>, _ transportErrors: Bool, _ core: inout ShardCore
    ) -> Int {
        guard case .failure(let error) = result else {
            APIResultEncoder.encode(result, into: &core.scratch)
            return 200
        }
        core.counters.apiErrors[error.code, default: 0] += 1
        guard transportErrors else {
            APIResultEncoder.encode(result, into: &core.scratch)
            return 200
        }
        APIResultEncoder.encodeBareError(error, into: &core.scratch)
        return error.httpStatus
    }

    /// A channel's relay has answered.
    mutating func answered(
        _ origin: CallOrigin, _ answer: Result<ChannelAnswer, ReplyError>, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        finish(origin, answer.map { APIResult($0) }, &core, &edge)
    }
}

extension APIResult {
    init(_ answer: ChannelAnswer) {
        self =
            switch answer {
            case .position(let position): .publish(position)
            case .members(let members): .presence(members)
            case .stats(let clients, let users): .presenceStats(clients: clients, users: users)
            case .read(let read): .history(publications: read.publications, top: read.top)
            case .done: .empty
            }
    }
}

extension ReplyError {
    /// The status in transport error mode.
    package var httpStatus: Int {
        switch code {
        case 101: 401
        case 103: 403
        case 102, 104: 404
        case 107, 108: 400
        case 111: 429
        case 106: 413
        case 112: 416
        case 113: 409
        default: 500
        }
    }
}
