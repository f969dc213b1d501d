import PharosBytes
package import PharosDomain
import PharosEdge
import PharosProtocol

/// The server API: calls are decoded, checked, carried out and answered.
///
/// They are carried out here, by a channel's owner, or by all shards.
extension ShardService {
    mutating func callAPI(
        _ path: APIPath, _ body: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer?, origin: CallOrigin,
        _ edge: inout Edge
    ) {
        let request: APIRequest
        do throws(ReplyError) {
            switch path {
            case .method(let method): request = try APIRequestDecoder.decode(method: method, body: body)
            case .envelope: request = try APIRequestDecoder.decodeEnvelope(body)
            }
        } catch {
            // A caller whose body is no JSON at all may not look into answers either.
            guard body.isEmpty || JSONScanner.isValid(body) else { return refuseBody(error, origin, &edge) }
            return finish(origin, .failure(error), &edge)
        }
        // What the envelope or a batch names is known only now.
        guard isGranted(request, key) else {
            note(.apiKey, "scope", request, origin, edge)
            return finish(origin, .failure(.permissionDenied), &edge)
        }
        execute(request, origin: origin, &edge)
    }

    private func isGranted(_ request: APIRequest, _ key: UnsafeRawBufferPointer?) -> Bool {
        guard apiAccess.verdict(key: key, method: request.name) == .granted else { return false }
        guard case .batch(let batch) = request else { return true }
        return batch.commands.allSatisfy { command in
            guard case .success(let request) = command else { return true }
            return isGranted(request, key)
        }
    }

    mutating func execute(_ request: APIRequest, origin: CallOrigin, _ edge: inout Edge) {
        counters.apiCalls[request.name.text, default: 0] += 1
        do throws(ReplyError) {
            switch request {
            case .publish(let publish): try execute(publish, origin, &edge)
            case .broadcast(let broadcast): begin(CallBatch(broadcast: broadcast, origin: origin), &edge)
            case .batch(let batch): begin(CallBatch(batch, origin: origin), &edge)
            case .planned(let verb):
                switch try verb.plan(rules) {
                case .one(let operation): try execute(operation, origin, &edge)
                case .several(let operations, let result):
                    begin(CallBatch(operations: operations, result: result, origin: origin), &edge)
                }
            }
        } catch {
            if error == .unknownChannel { note(.channel, "api", request, origin, edge) }
            finish(origin, .failure(error), &edge)
        }
    }

    /// Carries out a part of a plan.
    ///
    /// The verb has looked into the channel's rules already.
    private mutating func execute(
        _ operation: ShardOperation, _ origin: CallOrigin, _ edge: inout Edge
    ) throws(ReplyError) {
        switch operation {
        case .members(let channel): call(.presence(channel: channel), channel, origin: origin, &edge)
        case .memberCounts(let channel): call(.presenceStats(channel: channel), channel, origin: origin, &edge)
        case .read(let history, let options):
            let order = HistoryOrder(
                channel: history.channel, options: options, limit: history.limit, since: history.since,
                reverse: history.reverse)
            call(.history(order), history.channel, origin: origin, &edge)
        case .removeHistory(let channel): call(.removeHistory(channel: channel), channel, origin: origin, &edge)
        case .retention(let options):
            let retention = ChannelRetention(options, isDurable: isDurable(options))
            finish(origin, .success(.value(retention)), &edge)
        case .subscribe(let subscribe): controlAll(.subscribe(subscribe), .done, origin, &edge)
        case .unsubscribe(let unsubscribe): controlAll(.unsubscribe(unsubscribe), .done, origin, &edge)
        case .disconnect(let disconnect): controlAll(.disconnect(disconnect), .done, origin, &edge)
        case .refresh(let refresh): controlAll(.refresh(refresh), .done, origin, &edge)
        case .send(let send): try execute(send, origin, &edge)
        case .listConnections(let connections):
            controlAll(.listConnections(connections), .connections(limit: connections.limit), origin, &edge)
        case .listChannels(let channels): controlAll(.listChannels, .channels(channels), origin, &edge)
        case .countSubscribers(let channel):
            controlAll(.countSubscribers(channel), .channels(APIChannels()), origin, &edge)
        case .summary: controlAll(.summary, .info, origin, &edge)
        }
    }

    /// A call that was refused; its channel is named where it has one.
    private func note(
        _ kind: RefusalKind, _ reason: String, _ request: APIRequest, _ origin: CallOrigin, _ edge: borrowing Edge
    ) {
        guard var line = node.refusals.count(kind, reason) else { return }
        if case .http(let id, _) = origin { line.refusal.address = address(of: id, edge) }
        line.refusal.details = [.init("call", request.name)]
        if let channel = request.namedChannel { line.refusal.details.append(.init("channel", channel)) }
        node.refusals.write(line)
    }

    // MARK: Publishing

    private mutating func execute(
        _ request: APIPublish, _ origin: CallOrigin, _ edge: inout Edge
    ) throws(ReplyError) {
        guard !request.data.isEmpty else { throw .badRequest }
        edge.spend(request.data.count)
        let options = try rules.resolve(request.channel).options
        var publication = Publication(data: request.data, tags: request.tags)
        publication.isJSON = request.dataIsJSON
        publication.allowsDelta = request.delta || options.deltaPublish
        try check(publication, request.channel, options)
        let order = PublishOrder(
            channel: request.channel, publication: publication, options: options, skipHistory: request.skipHistory,
            idempotencyKey: request.idempotencyKey, version: request.version, versionEpoch: request.versionEpoch,
            except: request.excludeClient)
        call(.publish(order), request.channel, origin: origin, &edge)
    }

    // MARK: Batches

    private mutating func begin(_ batch: CallBatch, _ edge: inout Edge) {
        runBatch(calls.add(batch), &edge)
    }

    /// Begins the calls of a batch.
    ///
    /// A loop, and not each from the answer of the one before: there may be thousands.
    private mutating func runBatch(_ ticket: UInt64, _ edge: inout Edge) {
        _ = calls.withBatch(ticket) { $0.isRunning = true }
        while true {
            let isTurnOver = edge.isSliceSpent
            guard let next = calls.withBatch(ticket, { $0.takeNext(isTurnOver: isTurnOver) }) else { return }
            switch next {
            case .turnOver:
                _ = calls.withBatch(ticket) { $0.isRunning = false }
                return goOnLater(.calls(ticket), &edge)
            case .later:
                _ = calls.withBatch(ticket) { $0.isRunning = false }
                return
            case .over:
                guard let batch = calls.takeBatch(ticket) else { return }
                return finish(batch.origin, batch.result(), &edge)
            case .item(let index, let item):
                edge.spend(ShardService.callCost)
                let origin = CallOrigin.item(parent: ticket, index: index)
                switch item {
                case .call(let request): execute(request, origin: origin, &edge)
                case .publish(let publish):
                    do throws(ReplyError) { try execute(publish, origin, &edge) } catch {
                        if error == .unknownChannel { note(.channel, "api", .publish(publish), origin, edge) }
                        finish(origin, .failure(error), &edge)
                    }
                case .operation(let operation):
                    do throws(ReplyError) { try execute(operation, origin, &edge) } catch {
                        finish(origin, .failure(error), &edge)
                    }
                }
            }
        }
    }

    /// The batch's turn has come.
    mutating func continueCalls(_ ticket: UInt64, _ edge: inout Edge) {
        _ = calls.withBatch(ticket) { $0.isListed = false }
        runBatch(ticket, &edge)
    }

    private mutating func itemFinished(
        _ ticket: UInt64, _ index: Int, _ result: Result<APIResult, ReplyError>, _ edge: inout Edge
    ) {
        let isWaited = calls.withBatch(ticket) { batch in
            batch.note(result, of: index)
            return !batch.isRunning && !batch.isListed
        }
        if isWaited == true { runBatch(ticket, &edge) }
    }

    // MARK: Answers

    mutating func finish(_ origin: CallOrigin, _ result: Result<APIResult, ReplyError>, _ edge: inout Edge) {
        switch origin {
        case .item(let parent, let index): itemFinished(parent, index, result, &edge)
        case .client(let id, let command): answer(result, command, to: id, &edge)
        case .poll(let id, let channel): pollRead(id, channel, result, &edge)
        case .direct(let call): call.answer(result)
        case .inProcess(let ticket): inProcessRead(ticket, result, &edge)
        case .http(let id, let transportErrors):
            let status = encode(result, transportErrors)
            scratch.withBytes { edge.respond(id, status: status, body: $0) }
            scratch.removeAll()
        case .backend(let call, let transportErrors):
            let status = encode(result, transportErrors)
            call.answer(APIResponse(status: status, body: scratch.array))
            scratch.removeAll()
        }
    }

    /// Answers with 400, whatever the mode of errors is.
    private mutating func refuseBody(_ error: ReplyError, _ origin: CallOrigin, _ edge: inout Edge) {
        let transportErrors: Bool
        switch origin {
        case .http(_, let mode), .backend(_, let mode): transportErrors = mode
        default: return finish(origin, .failure(error), &edge)
        }
        _ = encode(.failure(error), transportErrors)
        defer { scratch.removeAll() }
        switch origin {
        case .http(let id, _): scratch.withBytes { edge.respond(id, status: 400, body: $0) }
        case .backend(let call, _): call.answer(APIResponse(status: 400, body: scratch.array))
        default: break
        }
    }

    /// Encodes into `scratch`; the HTTP status.
    private mutating func encode(_ result: Result<APIResult, ReplyError>, _ transportErrors: Bool) -> Int {
        guard case .failure(let error) = result else {
            APIResultEncoder.encode(result, into: &scratch)
            return 200
        }
        counters.apiErrors[error.code, default: 0] += 1
        guard transportErrors else {
            APIResultEncoder.encode(result, into: &scratch)
            return 200
        }
        APIResultEncoder.encodeBareError(error, into: &scratch)
        return error.httpStatus
    }

    private mutating func answer(
        _ result: Result<APIResult, ReplyError>, _ command: UInt32, to id: ConnectionID, _ edge: inout Edge
    ) {
        let reply: Reply.Result
        switch result {
        case .failure(let error): reply = .error(error)
        case .success(.publish): reply = .publish
        case .success(.presence(let members)): reply = .presence(members)
        case .success(.presenceStats(let clients, let users)): reply = .presenceStats(clients: clients, users: users)
        case .success(.history(let publications, let top)): reply = .history(publications: publications, top: top)
        case .success: reply = .error(.internalError)
        }
        send(Reply(id: command, result: reply), to: id, &edge)
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
