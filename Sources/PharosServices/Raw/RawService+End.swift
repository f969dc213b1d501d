import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// How raw connections end, and how it is noticed that they have.
extension RawService {
    /// Ends a connection with a code.
    ///
    /// Events that were read before still reach the origin, and then that it has ended.
    mutating func closeRaw(
        _ connection: RawConnection, code: UInt16, reason: String, dropsQueue: Bool = false, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        guard connection.isOpen else { return }
        core.counters.disconnects[UInt32(code), default: 0] += 1
        core.node.report(.disconnected(code: UInt32(code), reason: reason))
        // What was published to it in this turn goes before the close frame: leaving its channels hands that over.
        rawGone(connection, code: code, reason: reason, &core, &edge)
        if connection.wire.framing == .frame {
            edge.closeWebSocket(connection.id, code: code, reason: reason, dropsQueue: dropsQueue)
        } else {
            edge.endStream(connection.id, dropsQueue: dropsQueue)
        }
    }

    /// The connection has no socket any more, or soon will not.
    mutating func rawGone(
        _ connection: RawConnection, code: UInt16, reason: String, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard connection.isOpen else { return }
        connection.isOpen = false
        connection.endCode = code
        connection.endReason = reason
        for subscription in connection.subscriptions { unsubscribeRaw(subscription, &core, &edge) }
        connection.subscriptions = []
        core.counters.closed += 1
        core.node.leave(address: core.addresses.removeValue(forKey: connection.id.slot) ?? "")
        raw.leave(connection)
        // Who is read from can be made to wait; what has been read from those who left can only be kept.
        if raw.inboundBytes > RawConnections.inboundLimit { forgetInbox(of: connection) }
        finishIfOver(connection, core, edge)
    }

    mutating func finishIfOver(_ connection: RawConnection, _ core: borrowing ShardCore, _ edge: borrowing Edge) {
        guard connection.isOver else { return }
        raw.remove(connection)
        if connection.isAccepted { tellRaw(.rawClosed, connection, core, edge) }
        // Once: the same connection may be asked about again.
        connection.isAccepted = false
    }

    /// The peer has closed or vanished.
    mutating func vanished(_ connection: RawConnection, _ core: inout ShardCore, _ edge: inout Edge) {
        rawGone(connection, code: 1006, reason: "connection closed", &core, &edge)
    }

    /// Ends all connections when the shard ends before all origins have answered.
    ///
    /// The origins are notified of the end all the same.
    mutating func abandon(_ core: inout ShardCore, _ edge: inout Edge) {
        for connection in raw.all {
            closeRaw(connection, code: 1001, reason: "going away", &core, &edge)
            connection.awaited = 0
            forgetInbox(of: connection)
            finishIfOver(connection, core, edge)
        }
    }

    // MARK: Time

    /// True if the timer was a raw connection's.
    mutating func timedOut(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) -> Bool {
        guard let connection = raw.connection(id) else { return false }
        if core.shutdownEndsMs != nil {
            closeRaw(connection, code: 1001, reason: "going away", &core, &edge)
            return true
        }
        // Of a connection that is not read from, a pong may well be there.
        if connection.isPaused { connection.pongDueMs = 0 }
        if connection.pongDueMs != 0, edge.nowMs >= connection.pongDueMs {
            let reason = Disconnect.noPong
            closeRaw(connection, code: UInt16(reason.code), reason: reason.reason, dropsQueue: true, &core, &edge)
            return true
        }
        if connection.nextPingMs != 0, edge.nowMs >= connection.nextPingMs { ping(connection, &core, &edge) }
        let next = [connection.nextPingMs, connection.pongDueMs].filter { $0 != 0 }.min()
        if let next { edge.setTimer(id, atMs: next) }
        return true
    }

    private func ping(_ connection: RawConnection, _ core: inout ShardCore, _ edge: inout Edge) {
        let settings = core.node.settings.client
        connection.nextPingMs = edge.nowMs + Int64(settings.pingInterval * 1_000)
        guard connection.wire.framing == .frame else {
            EventStreamEncoder.comment(into: &core.scratch)
            edge.send(connection.id, .chunk, core.scratch)
            return core.scratch.removeAll()
        }
        edge.send(connection.id, .ping, UnsafeRawBufferPointer(start: nil, count: 0))
        if settings.pongTimeout > 0 { connection.pongDueMs = edge.nowMs + Int64(settings.pongTimeout * 1_000) }
    }
}
