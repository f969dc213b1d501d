import PharosDomain

/// What one shard's service has counted since start.
struct ServiceCounters {
    var opened: UInt64 = 0
    var closed: UInt64 = 0
    var publications: UInt64 = 0
    /// By the command's place among all of them.
    private var commandCounts = [UInt64](repeating: 0, count: Request.names.count)
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
        commandCounts[request.place] += 1
    }

    /// Commands received, by name; those that never came are left out.
    var commands: [String: UInt64] {
        let named = zip(Request.names, commandCounts).filter { $0.1 > 0 }
        return Dictionary(uniqueKeysWithValues: named.map { ($0.0, $0.1) })
    }
}

extension Request {
    /// All commands, as they are called on the wire.
    static let names = [
        "connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "send",
        "rpc",
        "refresh", "sub_refresh",
    ]

    /// The command's place among `names`.
    var place: Int {
        switch self {
        case .connect: 0
        case .subscribe: 1
        case .unsubscribe: 2
        case .publish: 3
        case .presence: 4
        case .presenceStats: 5
        case .history: 6
        case .ping: 7
        case .send: 8
        case .rpc: 9
        case .refresh: 10
        case .subRefresh: 11
        }
    }
}
