package import PharosDomain

/// What a server API call gives back when it succeeds.
package enum APIResult: Equatable, Sendable {
    /// Offset 0 and an empty epoch in channels without history.
    case publish(StreamPosition)
    /// In the order of the request's channels.
    case broadcast([Result<StreamPosition, ReplyError>])
    /// Of the methods that only do something.
    case empty
    /// By client id.
    case presence([String: ClientInfo])
    case presenceStats(clients: UInt32, users: UInt32)
    case history(publications: [Publication], top: StreamPosition)
    /// Clients by channel. `nextCursor` is empty on the last page.
    case channels([String: Int], nextCursor: String)
    case info([APINodeInfo])
    /// JSON.
    case rpc(data: [UInt8])
    /// In the order of the commands.
    case batch([APIBatchReply])
}

package struct APIBatchReply: Equatable, Sendable {
    /// Names the result in the answer; not shown with an error.
    package var method: APIMethod
    package var result: Result<APIResult, ReplyError>

    package init(method: APIMethod, result: Result<APIResult, ReplyError>) {
        self.method = method
        self.result = result
    }
}

/// What `info` tells of one node.
package struct APINodeInfo: Equatable, Sendable {
    package var uid = ""
    package var name = ""
    package var version = ""
    package var clients: UInt32 = 0
    package var users: UInt32 = 0
    package var subscriptions: UInt32 = 0
    package var channels: UInt32 = 0
    /// Seconds.
    package var uptime: UInt32 = 0
    package var metrics: Metrics?
    package var process: Process?

    package init() {}

    package struct Metrics: Equatable, Sendable {
        /// Seconds over which the items were gathered.
        package var interval: Double
        package var items: [String: Double]

        package init(interval: Double, items: [String: Double]) {
            self.interval = interval
            self.items = items
        }
    }

    package struct Process: Equatable, Sendable {
        /// Per cent of one core.
        package var cpu: Double
        /// Bytes.
        package var residentMemory: UInt64

        package init(cpu: Double, residentMemory: UInt64) {
            self.cpu = cpu
            self.residentMemory = residentMemory
        }
    }
}
