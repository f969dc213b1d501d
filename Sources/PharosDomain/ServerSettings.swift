/// The configuration as the services need it, in plain values.
///
/// All durations are in seconds unless named. `PharosConfiguration` reads it from file, environment and flags; a Swift
/// program may fill it in itself. A fresh value permits nothing to clients: deny by default.
package struct ServerSettings: Equatable, Sendable {
    package var client = ClientSettings()
    package var channel = ChannelSettings()
    package var api = APISettings()
    package var edge = EdgeSettings()
    package var store = StoreSettings()
    package var transports = TransportSettings()
    package var hooks = HookSettings()
    package var engine = EngineSettings()
    package var nodeName = "pharos"
    package var shutdownTimeout = 30.0
    /// Seconds over which clients are asked to spread their reconnects.
    ///
    /// So they do not all come back at once.
    package var shutdownWindow = 2.0
    /// Seconds between not being ready and accepting nothing more.
    package var shutdownDelay = 0.0
    /// Clients per second that are asked to reconnect; 0: all within the window.
    package var shutdownRate = 0

    package init() {}
}

package struct ClientSettings: Equatable, Sendable {
    /// Globs; empty refuses each request that has an `Origin` header.
    package var allowedOrigins: [String] = []
    package var pingInterval = 25.0
    package var pongTimeout = 8.0
    /// Time in which a connection must send `connect`.
    package var staleCloseDelay = 10.0
    package var expiredCloseDelay = 25.0
    package var expiredSubCloseDelay = 25.0
    package var channelPositionCheckDelay = 40.0
    /// Outgoing bytes per connection.
    package var queueMaxSize = 1_048_576
    package var channelLimit = 128
    package var historyMaxPublicationLimit = 300
    package var recoveryMaxPublicationLimit = 300
    /// 0: none.
    package var userConnectionLimit = 0
    package var connectionLimit = 0
    /// Seconds after which a connection is asked to reconnect; 0: never.
    ///
    /// Give or take a tenth.
    package var maxConnectionAge = 0.0
    /// Handshakes per second; 0: no limit.
    ///
    /// A token bucket that is refilled continuously, with a burst of one second.
    package var connectionRateLimit = 0
    /// 0: none.
    package var connectionsPerAddress = 0
    /// Everything allowed without a token: subscribe, publish, presence, history.
    package var insecure = false
    package var allowAnonymousConnectWithoutToken = false
    package var disallowAnonymousConnectionTokens = false
    /// Header set by a trusted reverse proxy; "" none.
    package var userIDHTTPHeader: FieldName = ""
    package var connectIncludeServerTime = false
    package var subscribeToUserPersonalChannel = false
    package var personalChannelNamespace: NamespaceName = ""
    package var singleConnection = false
    /// SDK names that may become metric labels.
    package var registeredNames: [SDKName] = []
    /// Seconds for which a client's state outlives its connection.
    ///
    /// The client has to ask for that by a session key.
    package var sessionTTL = 60.0
    /// Clients whose state is kept while they are away.
    ///
    /// Beyond it those away longest are forgotten.
    package var sessionLimit = 100_000
    package var rateLimits = RateLimits()

    package init() {}
}

/// Commands per second, with a burst of one second's worth; 0: no limit.
///
/// Beyond it a command is answered with error 111.
package struct RateLimits: Equatable, Sendable {
    package var perConnection = 0
    package var perUser = 0
    package var perAddress = 0

    package init() {}
}

/// Where streams with `durability: disk` live.
package struct StoreSettings: Equatable, Sendable {
    /// A directory; "": there is no durable store, and all streams live in memory.
    package var path = ""
    /// Bytes of publications that one shard keeps in memory.
    ///
    /// From them readers are answered without the disk.
    package var cacheSize = 33_554_432

    package init() {}
}

/// The transports besides WebSocket, and the compression of WebSockets.
package struct TransportSettings: Equatable, Sendable {
    package var httpStream = false
    package var sse = false
    package var events = false
    package var poll = false
    /// Offer `permessage-deflate` (RFC 7692).
    package var compression = false
    /// Messages with fewer bytes are sent as they are.
    package var compressionMinSize = 128
    /// Effort, 1 to 9.
    package var compressionLevel = 1
    /// Seconds for which a channel is kept after the last poll.
    ///
    /// The next poll comes within a round trip, and need not ask again.
    package var pollChannelLinger = 2.0

    package init() {}
}

package struct ChannelSettings: Equatable, Sendable {
    package var withoutNamespace = ChannelOptions()
    package var namespaces: [ChannelNamespace] = []
    package var namespaceBoundary = ":"
    package var privatePrefix = "$"
    package var userBoundary = "#"
    package var userSeparator = ","
    /// Bytes.
    package var maxLength = 255
    package var historyMetaTTL = 720 * 3600
    package var publicationDataFormat = ChannelOptions.DataFormat.any

    package init() {}
}

package struct APISettings: Equatable, Sendable {
    /// Keys and what each may do. Empty and not `insecure`: the API refuses everybody.
    package var keys: [APIKey] = []
    package var insecure = false
    /// Errors set the HTTP status too.
    package var transportErrorMode = false
    package var idempotencyWindow = 300.0
    /// Bytes of one request's body.
    package var maxBodySize = 8_388_608

    package init() {}
}

package struct APIKey: Equatable, Sendable {
    package var key: String
    /// Method names this key may call; `["*"]` all.
    package var methods: [MethodName]

    package init(key: String, methods: [MethodName] = ["*"]) {
        self.key = key
        self.methods = methods
    }
}

package struct EdgeSettings: Equatable, Sendable {
    package var address = "127.0.0.1"
    package var port = 8000
    /// Names under which a server that asks for no key answers.
    ///
    /// Those of the loopback come in addition.
    package var allowedHosts: [String] = []
    /// Threads of the edge; 0: one per processor that this process may use.
    package var shards = 0
    /// Bytes of one client message.
    package var messageSizeLimit = 65_536
    /// Bytes of a request's head.
    package var headSizeLimit = 16_384
    package var headTimeout = 10.0
    package var bodyTimeout = 30.0
    /// Seconds that a connection may idle between two requests.
    package var idleTimeout = 75.0
    /// TLS connections whose handshake is not done.
    package var handshakeLimit = 4_096
    /// Bytes of request bodies that may be arriving at a time, over all connections.
    package var bodyBudget = 67_108_864
    package var writeTimeout = 1.0
    /// Seconds between two rounds of housekeeping.
    package var tickInterval = 1.0
    package var backlog = 4_096
    /// Bytes that all connections of the process may have waiting.
    ///
    /// Beyond it the slowest go first. 0: no limit.
    package var outputLimit = 268_435_456
    /// Peers whose `X-Forwarded-For` is believed: addresses or CIDR blocks.
    package var trustedProxies: [String] = []
    package var tls: TLSSettings?
    package var http2 = HTTP2Settings()

    package init() {}
}

/// HTTP/2 and the bounds of what one client may do over one connection.
package struct HTTP2Settings: Equatable, Sendable {
    package var enabled = true
    /// Streams that are open at a time.
    package var maxStreams = 128
    /// Streams that a client may reset in a row; a tenth of it comes back each second.
    package var maxResets = 200
    /// The same of frames that cost work and bring nothing.
    package var maxControlFrames = 1_000

    package init() {}
}

package struct TLSSettings: Equatable, Sendable {
    package var certificateFile: String
    package var keyFile: String
    package var port: Int

    package init(certificateFile: String, keyFile: String, port: Int) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.port = port
    }
}
