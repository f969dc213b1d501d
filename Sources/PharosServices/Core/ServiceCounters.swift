import PharosDomain

/// The counters of one shard's service since start.
struct ServiceCounters {
    var opened: UInt64 = 0
    var closed: UInt64 = 0
    var publications: UInt64 = 0
    /// By the command's place among all of them.
    private var commandCounts = [UInt64](repeating: 0, count: CommandKind.allCases.count)
    var apiCalls: [String: UInt64] = [:]
    var apiErrors: [UInt32: UInt64] = [:]
    var replyErrors: [UInt32: UInt64] = [:]
    var disconnects: [UInt32: UInt64] = [:]
    var unsubscribes: [UInt32: UInt64] = [:]
    var recoveries: UInt64 = 0
    var recoveryFailures: UInt64 = 0
    var recoveredPublications: UInt64 = 0
    var slowClosed: UInt64 = 0
    /// Publications that the durable store refused.
    var storeErrors: UInt64 = 0
    var subscriptions = 0
    /// Connected clients by registered name, in the order of the setting.
    var nameCounts: [Int] = []

    mutating func count(_ command: Command) {
        guard let request = command.request else { return }
        commandCounts[request.kind.rawValue] += 1
    }

    /// Commands received, by name; those that never came are left out.
    var commands: [String: UInt64] {
        var named: [String: UInt64] = [:]
        for kind in CommandKind.allCases where commandCounts[kind.rawValue] > 0 {
            named[kind.name] = commandCounts[kind.rawValue]
        }
        return named
    }
}

enum CommandKind: Int, CaseIterable {
    case connect, subscribe, unsubscribe, publish, presence, presenceStats, history, ping, send, rpc, refresh,
        subRefresh, malformed

    /// As it is called on the wire.
    var name: String {
        switch self {
        case .connect: "connect"
        case .subscribe: "subscribe"
        case .unsubscribe: "unsubscribe"
        case .publish: "publish"
        case .presence: "presence"
        case .presenceStats: "presence_stats"
        case .history: "history"
        case .ping: "ping"
        case .send: "send"
        case .rpc: "rpc"
        case .refresh: "refresh"
        case .subRefresh: "sub_refresh"
        case .malformed: "malformed"
        }
    }
}

extension Request {
    var kind: CommandKind {
        switch self {
        case .connect: .connect
        case .subscribe: .subscribe
        case .unsubscribe: .unsubscribe
        case .publish: .publish
        case .presence: .presence
        case .presenceStats: .presenceStats
        case .history: .history
        case .ping: .ping
        case .send: .send
        case .rpc: .rpc
        case .refresh: .refresh
        case .subRefresh: .subRefresh
        case .malformed: .malformed
        }
    }
}
