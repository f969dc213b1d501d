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
    case presence([ClientName: ClientInfo])
    case presenceStats(clients: UInt32, users: UInt32)
    case history(publications: [Publication], top: StreamPosition)
    /// Clients by channel. `nextCursor` is empty on the last page.
    case channels([ChannelName: Int], nextCursor: String)
    case info([APINodeInfo])
    /// JSON.
    case rpc(data: [UInt8])
    /// In the order of the commands.
    case batch([APIBatchReply])
    /// To how many connections a message went, and how many were meant that cannot carry it: bytes that are no JSON, for a
    /// client that speaks JSON.
    case sent(delivered: Int, undeliverable: Int)
    /// In the order of client ids. `nextCursor` is empty on the last page.
    case connections([APIConnection], nextCursor: String)
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

/// What `connections` tells of one of them.
package struct APIConnection: Equatable, Sendable {
    package var client: ClientID
    package var user: UserID = ""
    /// `websocket`, `http_stream`, `sse`, `events` or `poll`.
    package var transport = ""
    /// Seconds since 1970.
    package var connectedAt: Int64 = 0
    /// The name of its SDK, if it is registered.
    package var name: SDKName = ""
    /// How many it is subscribed to.
    package var channels = 0

    package init(client: ClientID) {
        self.client = client
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
