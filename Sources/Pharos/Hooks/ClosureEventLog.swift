import PharosDomain

/// Brings events to the application in the same process.
///
/// Each connection's moments come in their order.
///
/// Kept in memory: what the closures have not seen when the process dies is gone, as they are.
final class ClosureEventLog: EventLog {
    /// Moments that may wait; beyond it new clients are refused.
    private static let limit = 1_000_000

    let kinds: Set<OriginEvent.Kind>
    private let moments: [PharosServer.Hooks.MomentKind: @Sendable (PharosServer.Hooks.Moment) async -> Void]
    private let lanes = SerialLanes()

    init(_ hooks: PharosServer.Hooks) {
        moments = hooks.moments
        kinds = ClosureEventLog.kinds(for: Set(hooks.moments.keys))
    }

    /// The events from which the moments are made.
    static func kinds(for moments: Set<PharosServer.Hooks.MomentKind>) -> Set<OriginEvent.Kind> {
        var kinds: Set<OriginEvent.Kind> = []
        for moment in moments {
            switch moment {
            case .connected: kinds.insert(.connected)
            case .disconnected: kinds.insert(.disconnected)
            case .subscribed: kinds.insert(.subscribed)
            case .unsubscribed: kinds.insert(.unsubscribed)
            case .kicked: kinds.formUnion([.unsubscribed, .disconnected])
            case .lagging: kinds.insert(.disconnected)
            case .occupied: kinds.insert(.occupied)
            case .vacated: kinds.insert(.vacated)
            }
        }
        return kinds
    }

    var isAccepting: Bool { lanes.count < ClosureEventLog.limit }

    func record(_ event: OriginEvent) {
        switch event.kind {
        case .connected: tell(.connected, event)
        case .subscribed: tell(.subscribed, event)
        case .unsubscribed:
            if event.code == UnsubscribeReason.server.code { tell(.kicked, event) }
            tell(.unsubscribed, event)
        case .disconnected:
            let reason = Disconnect(code: event.code, reason: event.reason)
            switch reason.code {
            case Disconnect.slow.code, Disconnect.writeError.code, Disconnect.tooManyRequests.code:
                tell(.lagging, event)
            default: if !reason.isReconnect { tell(.kicked, event) }
            }
            tell(.disconnected, event)
        case .occupied: tell(.occupied, event)
        case .vacated: tell(.vacated, event)
        case .rawEstablished, .rawClosed: break
        }
    }

    /// Publications were dropped for a client that goes on.
    func dropped(_ count: Int, _ event: OriginEvent) { tell(.lagging, event, dropped: count) }

    /// Waits until every moment's closure has run, at most `limit`.
    func finish(within limit: Duration) async { await lanes.finish(within: limit) }

    private func tell(_ kind: PharosServer.Hooks.MomentKind, _ event: OriginEvent, dropped: Int = 0) {
        guard let body = moments[kind] else { return }
        let moment = PharosServer.Hooks.Moment(event, dropped: dropped)
        lanes.add(event.client.isEmpty ? .channel(event.channel) : .client(event.client)) { await body(moment) }
    }
}
