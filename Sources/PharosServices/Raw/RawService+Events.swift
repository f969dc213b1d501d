import PharosDomain
import PharosEdge
import PharosProtocol

/// Delivery of the events of raw connections to the origin.
///
/// They go one at a time and in order, and the number of bytes that may wait is limited.
extension RawService {
    mutating func received(
        _ id: ConnectionID, _ message: UnsafeRawBufferPointer, isText: Bool, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let connection = raw.connection(id) else { return }
        connection.lastActiveAtMs = edge.wallMs
        connection.pongDueMs = 0
        guard !connection.path.origin.isEmpty else {
            return closeRaw(connection, code: 1003, reason: "no messages are expected here", &core, &edge)
        }
        enqueue(.message(Array(message), isText: isText), of: connection, &core, &edge)
    }

    mutating func enqueue(
        _ event: RawEvent.Kind, of connection: RawConnection, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let before = connection.inbox.bytes
        connection.inbox.append(event)
        raw.inboundBytes += connection.inbox.bytes - before
        deliverNext(of: connection, core)
        let isTooMuch =
            connection.inbox.bytes > connection.path.inboundLimit || raw.inboundBytes > RawConnections.inboundLimit
        if isTooMuch, !connection.isPaused {
            connection.isPaused = true
            edge.pauseReading(connection.id)
        }
    }

    /// Hands over the next event, unless one has not been answered yet.
    private func deliverNext(of connection: RawConnection, _ core: borrowing ShardCore) {
        guard connection.awaited == 0, let kind = connection.inbox.popFirst() else { return }
        connection.sequence += 1
        connection.awaited = connection.sequence
        var event = RawEvent(connection: connection.name, kind: kind, sequence: connection.sequence)
        event.peer = PeerAddress(connection.address)
        if connection.sequence == 1 {
            event.facts = connection.facts
            connection.facts = RequestFacts()
        }
        let (node, index, id, number) = (core.node, core.index, connection.id, connection.sequence)
        guard let origin = node.application.raw else {
            return node.post(.rawAnswered(id, number, .failed), to: index)
        }
        origin.deliver(event, to: connection.path.origin) { node.post(.rawAnswered(id, number, $0), to: index) }
    }

    /// The origin has answered; an answer that comes twice finds nothing.
    mutating func answered(
        _ id: ConnectionID, _ number: UInt64, _ answer: RawAnswer, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let connection = raw.connectionOrLeaving(id), number > 0, connection.awaited == number else { return }
        connection.awaited = 0
        raw.inboundBytes -= connection.inbox.answered()
        switch answer {
        case .accepted(let messages):
            accepted(connection, number, messages, &core, &edge)
        case .close(let messages, let code, let reason):
            accepted(connection, number, messages, &core, &edge)
            forgetInbox(of: connection)
            closeRaw(connection, code: code, reason: reason, &core, &edge)
        case .failed:
            forgetInbox(of: connection)
            closeRaw(connection, code: 1011, reason: "the application failed", &core, &edge)
        }
        deliverNext(of: connection, core)
        if connection.isPaused, connection.isOpen, connection.inbox.bytes <= connection.path.inboundLimit / 2 {
            connection.isPaused = false
            edge.resumeReading(id)
        }
        finishIfOver(connection, core, edge)
    }

    private mutating func accepted(
        _ connection: RawConnection, _ number: UInt64, _ messages: [RawMessage], _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        if number == 1 {
            connection.isAccepted = true
            tellRaw(.rawEstablished, connection, core, edge)
        }
        for message in messages where connection.isOpen { write(message, to: connection, &core, &edge) }
    }

    func tellRaw(
        _ kind: OriginEvent.Kind, _ connection: RawConnection, _ core: borrowing ShardCore, _ edge: borrowing Edge
    ) {
        guard let events = core.node.application.events, events.kinds.contains(kind) else { return }
        var event = OriginEvent(kind, atMs: edge.wallMs)
        event.client = connection.name
        event.transport = core.dialects.transportName(DialectTable.raw, .frame)
        event.origin = connection.path.origin
        if kind == .rawClosed {
            event.code = UInt32(connection.endCode)
            event.reason = connection.endReason
        }
        events.record(event)
    }

    mutating func forgetInbox(of connection: RawConnection) {
        raw.inboundBytes -= connection.inbox.removeAll()
    }
}
