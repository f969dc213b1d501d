import PharosDomain
import PharosEdge

/// The events of connections that are reported to the application.
///
/// Each of these functions is called in the order in which the events happen to a connection.
extension ShardCore {
    /// Whether the application asked for events of this kind.
    private func tells(_ kind: OriginEvent.Kind) -> Bool {
        node.application.events?.kinds.contains(kind) ?? false
    }

    private func event(_ kind: OriginEvent.Kind, _ id: ConnectionID, _ edge: borrowing Edge) -> OriginEvent {
        var event = OriginEvent(kind, atMs: edge.wallMs)
        event.client = sessions[id].session.client.name
        event.user = sessions[id].session.user
        event.transport = dialects.transportName(sessions[id].wire)
        event.meta = sessions[id].session.meta
        return event
    }

    func tellConnected(_ id: ConnectionID, _ edge: borrowing Edge) {
        guard tells(.connected) else { return }
        node.application.events?.record(event(.connected, id, edge))
    }

    func tellDisconnected(_ id: ConnectionID, _ reason: Disconnect, _ edge: borrowing Edge) {
        guard tells(.disconnected) else { return }
        var told = event(.disconnected, id, edge)
        told.code = reason.code
        told.reason = reason.reason
        node.application.events?.record(told)
    }

    func tellSubscribed(_ id: ConnectionID, _ channel: ChannelName, _ edge: borrowing Edge) {
        guard tells(.subscribed) else { return }
        var told = event(.subscribed, id, edge)
        told.channel = channel
        node.application.events?.record(told)
    }

    func tellUnsubscribed(
        _ id: ConnectionID, _ channel: ChannelName, _ reason: UnsubscribeReason, _ edge: borrowing Edge
    ) {
        // No event was recorded of a client that has not got the reply to its connect.
        guard tells(.unsubscribed), sessions[id].isRegistered else { return }
        var told = event(.unsubscribed, id, edge)
        told.channel = channel
        told.code = reason.code
        told.reason = reason.reason
        node.application.events?.record(told)
    }

    /// A channel has got its first subscriber of this node, or lost its last.
    func tellOccupancy(_ channel: ChannelName, isOccupied: Bool, _ edge: borrowing Edge) {
        if let occupancy = node.occupancy {
            return occupancy.change(channel, isOccupied: isOccupied, nowMs: edge.nowMs)
        }
        let kind: OriginEvent.Kind = isOccupied ? .occupied : .vacated
        guard tells(kind) else { return }
        var told = OriginEvent(kind, atMs: edge.wallMs)
        told.channel = channel
        node.application.events?.record(told)
    }
}
