import PharosDomain

/// What one shard's service has counted since start.
struct ServiceCounters {
    var opened: UInt64 = 0
    var closed: UInt64 = 0
    var publications: UInt64 = 0
    var commands: [String: UInt64] = [:]
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
        commands[request.name, default: 0] += 1
    }
}

extension Request {
    /// The command's name on the wire.
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
        }
    }
}
