package import PharosDomain

/// What an origin is used for; each has counters and a circuit breaker of its own.
package enum OriginLane: Int, CaseIterable, Sendable {
    case handshake, connect, refresh, subscribe, publish, rpc, subRefresh, message
    /// Events of raw connections, which the origin answers.
    case raw
    /// What it is told.
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

    /// Events are sent again with back-off by those who send them, and must not be dropped for others' failures.
    var hasBreaker: Bool { self != .events }
}
