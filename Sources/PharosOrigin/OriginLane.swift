package import PharosDomain

/// A use of an origin, with counters and a circuit breaker of its own.
package enum OriginLane: Int, CaseIterable, Sendable {
    case handshake, connect, refresh, subscribe, publish, rpc, subRefresh, message
    /// Events of raw connections, which the origin answers.
    case raw
    /// Events that are sent to it.
    case events

    package init(_ kind: HookKind) {
        self =
            switch kind {
            case .handshake: .handshake
            case .connect: .connect
            case .refresh: .refresh
            case .subscribe: .subscribe
            case .publish: .publish
            case .rpc: .rpc
            case .subRefresh: .subRefresh
            case .message: .message
            }
    }

    /// For metrics and the log.
    package var name: String { self == .subRefresh ? HookKind.subRefresh.rawValue : String(describing: self) }

    /// Whether failures open a circuit breaker.
    ///
    /// Events are sent again with back-off by their sender, and must not be dropped for others' failures.
    var hasBreaker: Bool { self != .events }
}
