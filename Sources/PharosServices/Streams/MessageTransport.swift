import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Clients over transports that exchange whole messages.
///
/// Behind each stands a detached connection: its session is subscribed and sent to like any other, with the same
/// limits for slow readers, and its output waits until the transport is ready for it.
struct MessageTransport: ~Copyable {
    private struct Link {
        let id: ConnectionID
        let pipe: MessagePipe
        var isReady = true
        /// Why the session has ended; nil: it has not.
        var end: Disconnect?
    }

    private var links: [UInt64: Link] = [:]
    private var numbers: [ConnectionID: UInt64] = [:]

    var isEmpty: Bool { links.isEmpty }

    mutating func open(
        _ opening: ClientOpening, _ pipe: MessagePipe, _ clients: inout ClientService, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        let address = core.node.countsAddresses ? opening.address : ""
        // The questions of every entrance: a key that cannot be guessed, the rate of the address, room.
        guard opening.key?.isValid ?? true else { return pipe.end(.badRequest) }
        guard core.node.rates.take(address: address, nowMs: edge.nowMs) else { return pipe.end(.tooManyRequests) }
        guard core.shutdownEndsMs == nil else { return pipe.end(.shutdown) }
        guard core.node.admit(address: address, nowMs: edge.nowMs) == nil else { return pipe.end(.connectionLimit) }
        guard let id = edge.makeDetached() else {
            core.node.leave(address: address)
            return pipe.end(.connectionLimit)
        }
        let wire = Wire(dialect: opening.dialect, framing: .message)
        let facts: ClientFacts
        do throws(ConversationRefusal) {
            facts = try core.clientFacts(opening, wire)
        } catch {
            edge.closeDetached(id)
            core.node.leave(address: address)
            return pipe.end(.badRequest)
        }
        links[pipe.number] = Link(id: id, pipe: pipe)
        numbers[id] = pipe.number
        clients.open(id, facts, wire, &core, &edge)
    }

    func received(
        _ number: UInt64, _ message: [UInt8], _ clients: inout ClientService, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        guard let link = links[number] else { return }
        link.pipe.noteTaken(message.count)
        guard message.count <= core.node.settings.edge.messageSizeLimit else {
            return clients.disconnect(link.id, .badRequest, &core, &edge)
        }
        message.withUnsafeBytes { clients.received(link.id, $0, &core, &edge) }
    }

    /// The transport has room again.
    mutating func ready(_ number: UInt64, _ edge: inout Edge) {
        guard links[number] != nil else { return }
        links[number]!.isReady = true
        deliver(number, &edge)
    }

    func gone(_ number: UInt64, _ clients: inout ClientService, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let link = links[number] else { return }
        clients.close(link.id, &core, &edge)
        core.post(.messageClientEnded(link.id, .connectionClosed, dropsOutput: true), to: core.index)
    }

    /// A detached connection has more output.
    mutating func outputArrived(_ id: ConnectionID, _ edge: inout Edge) {
        guard let number = numbers[id] else { return }
        deliver(number, &edge)
    }

    /// The session is over.
    ///
    /// Its last messages are still delivered, unless they are dropped.
    mutating func ended(_ id: ConnectionID, _ reason: Disconnect, dropsOutput: Bool, _ edge: inout Edge) {
        guard let number = numbers[id] else { return }
        // The transport may go while last messages wait for it.
        guard links[number]!.end == nil || dropsOutput else { return }
        if links[number]!.end == nil { links[number]!.end = reason }
        // A transport that neither takes them nor goes may keep nothing here.
        edge.setTimer(id, atMs: edge.nowMs + edge.configuration.closeTimeoutMs)
        if dropsOutput, let end = edge.outputEnd(of: id) { edge.dropOutput(of: id, upTo: end) }
        deliver(number, &edge)
    }

    /// true: the timer was for an end whose last messages were not taken.
    mutating func timedOut(_ id: ConnectionID, _ edge: inout Edge) -> Bool {
        guard let number = numbers[id], let reason = links[number]!.end else { return false }
        ended(id, reason, dropsOutput: true, &edge)
        return true
    }

    private mutating func deliver(_ number: UInt64, _ edge: inout Edge) {
        guard let link = links[number] else { return }
        if link.isReady, let messages = takeOutput(of: link.id, &edge) {
            links[number]!.isReady = false
            link.pipe.deliver(messages)
        }
        guard let reason = link.end, edge.outputStart(of: link.id) == edge.outputEnd(of: link.id) else { return }
        links[number] = nil
        numbers[link.id] = nil
        edge.closeDetached(link.id)
        link.pipe.end(reason)
    }

    /// Takes all messages that wait; nil: none does.
    private func takeOutput(of id: ConnectionID, _ edge: inout Edge) -> [OutboxMessage]? {
        guard let start = edge.outputStart(of: id) else { return nil }
        var output = ByteWriter()
        guard let end = edge.copyOutput(of: id, from: start, limit: .max, into: &output), end > start else {
            return nil
        }
        edge.dropOutput(of: id, upTo: end)
        var messages: [OutboxMessage] = []
        output.withBytes { bytes in
            var rest = bytes[...]
            while let message = TransportFraming.takeMessage(from: &rest) { messages.append(OutboxMessage(message)) }
        }
        return messages
    }
}

extension OutboxMessage {
    fileprivate init(_ message: (kind: MessageKind, data: UnsafeRawBufferPointer)) {
        kind = message.kind
        data = Array(message.data)
    }
}

extension ShardCore {
    /// The facts of a client that has come without a request of HTTP/1.
    ///
    /// - Throws: if the dialect cannot converse about what is asked for.
    fileprivate func clientFacts(
        _ opening: ClientOpening, _ wire: Wire
    ) throws(ConversationRefusal) -> ClientFacts {
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        let dialect = dialects[wire.dialect]
        var request = ConversationRequest()
        request.framing = wire.framing
        request.isKnown = opening.claims != nil
        request.sessionTTLMs = Int64(node.settings.client.sessionTTL * 1_000)
        request.pingSeconds = UInt32(node.settings.client.pingInterval)
        var facts = ClientFacts(claims: opening.claims, user: opening.user, key: opening.key)
        if dialects.traits(wire.dialect).hasConversations { facts.conversation = try dialect.converse(request) }
        facts.pings = dialect.pings(over: wire.framing, query: nothing)
        if !passed.isEmpty { facts.request = opening.request }
        facts.address = opening.address
        return facts
    }
}
