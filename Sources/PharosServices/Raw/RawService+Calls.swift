import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Carries out calls of the application about raw connections, on all shards.
///
/// The connections may be on any shard. A call is answered after the work.
extension RawService {
    mutating func call(
        _ form: RawCallForm, _ connection: ClientName, _ body: UnsafeRawBufferPointer, query: UnsafeRawBufferPointer,
        caller: RawCaller, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        core.counters.apiCalls["send", default: 0] += 1
        var request = RawServiceRequest()
        switch form {
        case .service:
            do throws(MalformedFrame) {
                request = try RawServiceRequest.decode(body)
            } catch {
                return finish(caller, 400, error: "unreadable JSON: \(error.reason)", &core, &edge)
            }
        case .post:
            let isText = !Query.has("binary", "1", in: query) && UTF8Validator.isValid(body)
            let message = RawMessage(Array(body), isText: isText)
            request.messages = [RawServiceRequest.Outgoing(connections: [connection], message: message)]
        case .delete: request.closings = [RawServiceRequest.Closing(connections: [connection])]
        case .get: break
        }
        var sorting = RawSorting(node: core.node, address: raw.node)
        for outgoing in request.messages { sorting.add(outgoing) }
        for closing in request.closings { sorting.add(closing) }
        if case .get = form { sorting.look(connection) }
        distribute(sorting, RawForeignOrder(request, without: sorting), form, caller, &core, &edge)
    }

    private mutating func distribute(
        _ sorting: RawSorting, _ foreign: RawForeignOrder, _ form: RawCallForm, _ caller: RawCaller,
        _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let asksOthers = !foreign.isEmpty && core.node.cluster != nil
        var call = RawCalls.Call(
            caller: caller, form: form, remaining: sorting.orders.count + 1 + (asksOthers ? 1 : 0))
        if !asksOthers { call.answer.report = sorting.report }
        let ticket = raw.calls.add(call)
        if asksOthers { askOthers(foreign, ticket, &core, &edge) }
        for (shard, order) in sorting.orders {
            core.post(.rawOrder(order, shard: core.index, ticket: ticket), to: shard)
        }
        rawDone(ticket, RawOrderAnswer(), &core, &edge)
    }

    /// Asks the other nodes for the connections that this one cannot place.
    private func askOthers(
        _ order: RawForeignOrder, _ ticket: UInt64, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let (mailbox, named) = (core.node.mailboxes[core.index], order.connections)
        let asker = NodeAsker.closure { answers in
            var answer = RawOrderAnswer()
            var known: Set<ClientName> = []
            if case .raw(let found)? = answers.answer {
                known = Set(found.known)
                (answer.report, answer.info) = (found.report, found.info)
            }
            answer.report.unknown = named.filter { !known.contains($0) }
            mailbox.post(.rawDone(ticket: ticket, answer))
        }
        core.node.messages.ask(.raw(order), of: .others, deadlineMs: edge.nowMs + 3_000, for: asker) {
            core.post($0, to: $1)
        }
    }

    /// This shard's part of what another node could not place.
    mutating func carryOut(
        _ foreign: RawForeignOrder, _ core: inout ShardCore, _ edge: inout Edge
    ) -> RawForeignAnswer {
        var order = RawOrder()
        var answer = RawForeignAnswer()
        for outgoing in foreign.messages {
            let targets = own(outgoing.connections, &answer, core)
            if !targets.isEmpty { order.messages.append((targets, outgoing.message)) }
        }
        for closing in foreign.closings {
            let targets = own(closing.connections, &answer, core)
            if !targets.isEmpty { order.closings.append((targets, closing.code, closing.reason)) }
        }
        order.subject = foreign.subject.flatMap { own([$0], &answer, core).first }
        let done = carryOut(order, &core, &edge)
        (answer.report, answer.info) = (done.report, done.info)
        return answer
    }

    /// The connections of this shard among these.
    private func own(
        _ connections: [ClientName], _ answer: inout RawForeignAnswer, _ core: borrowing ShardCore
    ) -> [RawOrder.Target] {
        var targets: [RawOrder.Target] = []
        for text in connections {
            guard let id = RawConnectionID(text, node: raw.node), core.node.gave(id),
                core.node.shard(of: ClientID(high: 0, low: id.place)) == core.index
            else { continue }
            answer.known.append(text)
            targets.append(RawOrder.Target(id: id, text: text))
        }
        return targets
    }

    mutating func rawDone(_ ticket: UInt64, _ answer: RawOrderAnswer, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let call = raw.calls.add(answer, to: ticket) else { return }
        let report = call.answer.report
        switch call.form {
        case .service(let reports):
            if reports { report.encode(into: &core.scratch) }
            finish(call.caller, 200, &core, &edge)
        case .get:
            guard let info = call.answer.info else { return finish(call.caller, 410, error: "gone", &core, &edge) }
            info.encode(into: &core.scratch)
            finish(call.caller, 200, &core, &edge)
        case .post, .delete:
            guard report.unknown.isEmpty, report.closed.isEmpty else {
                return finish(call.caller, 410, error: "gone", &core, &edge)
            }
            guard report.full.isEmpty else {
                return finish(call.caller, 429, error: "too much waits for this connection", &core, &edge)
            }
            if case .delete = call.form {
                finish(call.caller, 204, &core, &edge)
            } else {
                finish(call.caller, 200, &core, &edge)
            }
        }
    }

    // MARK: A shard's part

    mutating func carryOut(_ order: RawOrder, _ core: inout ShardCore, _ edge: inout Edge) -> RawOrderAnswer {
        var answer = RawOrderAnswer()
        for (targets, message) in order.messages {
            send(message, to: targets, &answer.report, &core, &edge)
        }
        for (targets, code, reason) in order.closings {
            for target in targets {
                if let connection = connection(target.id, core) {
                    closeRaw(connection, code: code, reason: reason, &core, &edge)
                } else {
                    answer.report.closed.append(target.text)
                }
            }
        }
        if let subject = order.subject, let connection = connection(subject.id, core) {
            answer.info = RawConnectionInfo(
                connectedAtMs: connection.connectedAtMs, lastActiveAtMs: connection.lastActiveAtMs,
                address: connection.address)
        }
        return answer
    }

    private mutating func send(
        _ message: RawMessage, to targets: [RawOrder.Target], _ report: inout RawReport, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        // For many it is framed once.
        var shared: PreparedMessage?
        for target in targets {
            guard let connection = connection(target.id, core) else {
                report.closed.append(target.text)
                continue
            }
            guard edge.hasRoom(connection.id, for: message.data.count) else {
                report.full.append(target.text)
                continue
            }
            guard targets.count > 1, connection.wire.framing == .frame, connection.wire.windowBits == 0 else {
                write(message, to: connection, &core, &edge)
                continue
            }
            let prepared =
                shared
                ?? message.data.withUnsafeBytes { edge.prepareMessage(message.isText ? .text : .binary, $0) }
            shared = prepared
            connection.lastActiveAtMs = edge.wallMs
            edge.send(connection.id, prepared)
        }
    }

    /// The connection with an id of this shard's; nil: it has gone.
    ///
    /// It is also nil if there never was such a connection.
    private func connection(_ rawID: RawConnectionID, _ core: borrowing ShardCore) -> RawConnection? {
        let place = rawID.place ^ core.node.clientIDSecret
        guard let connection = raw.connection(at: UInt32(truncatingIfNeeded: place)), connection.rawID == rawID else {
            return nil
        }
        return connection
    }

    // MARK: Answers

    /// Answers with what is in `scratch`, which is empty afterwards.
    private mutating func finish(_ caller: RawCaller, _ status: Int, _ core: inout ShardCore, _ edge: inout Edge) {
        switch caller {
        case .http(let id): core.scratch.withBytes { edge.respond(id, status: status, body: $0) }
        case .backend(let call):
            core.answer(call, APIResponse(status: status, body: core.scratch.array))
        }
        core.scratch.removeAll()
    }

    private mutating func finish(
        _ caller: RawCaller, _ status: Int, error: String, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        core.scratch.appendError(status: status, error)
        finish(caller, status, &core, &edge)
    }
}

extension RawForeignOrder {
    /// The part that concerns no shard of this node.
    fileprivate init(_ request: RawServiceRequest, without sorting: RawSorting) {
        let unknown = Set(sorting.report.unknown)
        guard !unknown.isEmpty else { return }
        for var outgoing in request.messages {
            outgoing.connections.removeAll { !unknown.contains($0) }
            if !outgoing.connections.isEmpty { messages.append(outgoing) }
        }
        for var closing in request.closings {
            closing.connections.removeAll { !unknown.contains($0) }
            if !closing.connections.isEmpty { closings.append(closing) }
        }
        subject = sorting.subject.flatMap { unknown.contains($0) ? $0 : nil }
    }
}

/// Sorts what is wanted by the shards that the connections are on.
private struct RawSorting {
    let node: NodeContext
    let address: [UInt8]
    var orders: [Int: RawOrder] = [:]
    /// Of ids that lead to no shard.
    var report = RawReport()
    var subject: ClientName?

    init(node: NodeContext, address: [UInt8]) {
        self.node = node
        self.address = address
    }

    mutating func add(_ outgoing: RawServiceRequest.Outgoing) {
        for (shard, targets) in sorted(outgoing.connections) {
            orders[shard, default: RawOrder()].messages.append((targets, outgoing.message))
        }
    }

    mutating func add(_ closing: RawServiceRequest.Closing) {
        for (shard, targets) in sorted(closing.connections) {
            orders[shard, default: RawOrder()].closings.append((targets, closing.code, closing.reason))
        }
    }

    mutating func look(_ connection: ClientName) {
        subject = connection
        for (shard, targets) in sorted([connection]) {
            orders[shard, default: RawOrder()].subject = targets.first
        }
    }

    private mutating func sorted(_ connections: [ClientName]) -> [Int: [RawOrder.Target]] {
        var targets: [Int: [RawOrder.Target]] = [:]
        for text in connections {
            guard let id = RawConnectionID(text, node: address) else {
                report.unknown.append(text)
                continue
            }
            guard node.gave(id), let shard = node.shard(of: ClientID(high: 0, low: id.place)) else {
                report.unknown.append(text)
                continue
            }
            targets[shard, default: []].append(RawOrder.Target(id: id, text: text))
        }
        return targets
    }
}
