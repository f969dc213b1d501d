import PharosDomain

extension ConfigurationSchema {
    static let http: [Setting<ConfigurationDraft>] =
        [
            .text(
                "http_server.address", \.configuration.settings.edge.address,
                "Address to listen on; `0.0.0.0` is every IPv4 interface."),
            .integer(
                "http_server.port", \.configuration.settings.edge.port, 0...65_535,
                "Port of clients, server API and the other endpoints; 0 lets the system choose."),
            .list(
                "http_server.allowed_hosts", \.configuration.settings.edge.allowedHosts,
                "Host names, without port, under which the server answers besides `localhost` and the loopback while the "
                    + "server API needs no key, or listens on this machine only and clients need no token: any page may "
                    + "make a name of its own lead here. `*`: every name."),
            .bool("http_server.tls.enabled", \.tls.enabled, "Listen for TLS on a port of its own."),
            .text(
                "http_server.tls.cert_pem_file", \.tls.certificateFile,
                "File with the certificate chain, PEM; read again when it changes."),
            .text("http_server.tls.key_pem_file", \.tls.keyFile, "File with the private key, PEM."),
            .integer("http_server.tls.port", \.tls.port, 0...65_535, "Port for TLS."),
        ] + http2.lifted("http_server.http2", \.configuration.settings.edge.http2)

    static let httpAPI: [Setting<ConfigurationDraft>] =
        [
            .secret("http_api.key", \.apiKey, "API key with all rights; empty: none."),
            .sections(
                "http_api.keys", \.apiKeys, fresh: APIKey(key: "", methods: []), limit: 1000, apiKey,
                "Further API keys, each for some methods only; another method is refused with 403."),
            .bool(
                "http_api.insecure", \.configuration.settings.api.insecure,
                "Serve the server API without a key: only where no other program can reach the port."),
            .choice(
                "http_api.error_mode", \.configuration.settings.api.transportErrorMode,
                [("", false), ("transport", true)],
                "`transport`: an error also sets the HTTP status; otherwise the status is 200 and the body says it."),
            .duration(
                "http_api.idempotency_window", \.configuration.settings.api.idempotencyWindow, from: 1,
                "How long an idempotency key is remembered."),
            .integer(
                "http_api.max_body_size", \.configuration.settings.api.maxBodySize, 1024...1_073_741_824,
                "Bytes of one API request's body; beyond it: 413."),
        ]

    private static let http2 = SettingTable<HTTP2Settings>([
        .bool(
            "enabled", \.enabled,
            "Speak HTTP/2 too: with TLS where the client offers `h2`, without where it begins with HTTP/2's preface."),
        .integer(
            "max_streams", \.maxStreams, 1...1_000,
            "Requests, streams and WebSockets of one connection at a time; more are refused."),
        .integer(
            "max_resets", \.maxResets, 10...1_000,
            "Streams that a client may reset in a row, or have reset by its errors; a tenth of it comes back each second. "
                + "Beyond it the connection ends with ENHANCE_YOUR_CALM."),
        .integer(
            "max_control_frames", \.maxControlFrames, 100...100_000,
            "The same of frames that cost work and bring nothing: SETTINGS, PING, PRIORITY, empty DATA."),
    ])

    private static let apiKey = SettingTable<APIKey>([
        .secret("key", \.key, "The key."),
        .names(
            "methods", \.methods,
            "Methods this key may call, such as `publish` and `broadcast`; `*` is all of them."),
    ])

    static let websocket: [Setting<ConfigurationDraft>] = [
        .integer(
            "websocket.message_size_limit", \.configuration.settings.edge.messageSizeLimit, 64...1_073_741_824,
            "Bytes of one client message, of a compressed one when it is decompressed; beyond it the connection is closed "
                + "with 1009."),
        .duration(
            "websocket.write_timeout", \.configuration.settings.edge.writeTimeout, from: 0.001,
            "How long a blocked write may take before the connection is closed with 3009."),
        .bool(
            "websocket.compression", \.configuration.settings.transports.compression,
            "Offer `permessage-deflate`: a publication is compressed once for all who negotiated it."),
        .integer(
            "websocket.compression_min_size", \.configuration.settings.transports.compressionMinSize, 0...1_073_741_824,
            "Messages with fewer bytes are sent as they are."),
        .integer(
            "websocket.compression_level", \.configuration.settings.transports.compressionLevel, 1...9,
            "Effort, from fast to small."),
    ]

    static let transports: [Setting<ConfigurationDraft>] = [
        .bool(
            "http_stream.enabled", \.configuration.settings.transports.httpStream,
            "Answer `/connection/http_stream`, and `/emulation` for its commands."),
        .bool(
            "sse.enabled", \.configuration.settings.transports.sse,
            "Answer `/connection/sse`, and `/emulation` for its commands."),
        .bool("events.enabled", \.configuration.settings.transports.events, "Answer `/events`: plain EventSource."),
        .bool(
            "poll.enabled", \.configuration.settings.transports.poll,
            "Answer `/poll` and `/connection/poll`: long polls without and with a session."),
    ]

    static let store: [Setting<ConfigurationDraft>] = [
        .text(
            "store.path", \.configuration.settings.store.path,
            "Directory of the durable store, made at start if a channel needs it; empty: there is none, and all "
                + "history lives in memory. With `--dev` empty by default."),
        .integer(
            "store.cache_size", \.configuration.settings.store.cacheSize, 0...68_719_476_736,
            "Bytes of publications that each shard keeps in memory, to answer readers without the disk."),
    ]

    static let edge = SettingTable<EdgeSettings>([
        .integer(
            "shards", \.shards, 0...1024,
            "Threads that hold client connections; 0: one per processor that this process may use, by its affinity and "
                + "its control group's quota."),
        .integer(
            "head_size_limit", \.headSizeLimit, 1024...1_048_576,
            "Bytes of a request's head; beyond it: 431."),
        .duration("head_timeout", \.headTimeout, from: 0.001, "Time in which a request's head must arrive."),
        .duration("body_timeout", \.bodyTimeout, from: 0.001, "Time in which a request's body must arrive."),
        .duration(
            "idle_timeout", \.idleTimeout, from: 0.001,
            "Time a connection may idle between two requests; behind a load balancer longer than the balancer's own."),
        .integer(
            "handshake_limit", \.handshakeLimit, 16...1_048_576,
            "TLS connections whose handshake is not done; beyond it the oldest of them make room."),
        .integer(
            "body_budget", \.bodyBudget, 65_536...1_099_511_627_776,
            "Bytes of request bodies that may be arriving at a time; beyond it 503. Half of it is for requests with an API key; it is at least twice `http_api.max_body_size`."
        ),
        .integer(
            "backlog", \.backlog, 1...65_535,
            "Connections that wait to be accepted; the kernel caps it at `net.core.somaxconn`."),
        .integer(
            "output_limit", \.outputLimit, 0...1_099_511_627_776,
            "Bytes that may wait for all connections of the process together; beyond it the slowest go first. 0: no limit."
        ),
        .list(
            "trusted_proxies", \.trustedProxies,
            "Addresses or CIDR blocks of proxies whose `X-Forwarded-For` is believed; otherwise the socket's address counts."
        ),
    ])

    static let process: [Setting<ConfigurationDraft>] = [
        .text("node.name", \.configuration.settings.nodeName, "Name of this process in `info` and in metrics."),
        .duration(
            "shutdown.timeout", \.configuration.settings.shutdownTimeout,
            "Time for clients to leave after SIGTERM before the process ends anyway."),
        .duration(
            "shutdown.window", \.configuration.settings.shutdownWindow,
            "Clients are told to reconnect spread over this time, not all at once."),
        .duration(
            "shutdown.delay", \.configuration.settings.shutdownDelay,
            "Time after SIGTERM in which `/health/ready` answers 503 and connections are still accepted: long enough for load balancers to notice."
        ),
        .integer(
            "shutdown.rate", \.configuration.settings.shutdownRate, 0...1_000_000,
            "Clients per second that are told to reconnect; with many of them it takes longer than `shutdown.window`, at most nine tenths of `shutdown.timeout`. 0: all within the window."
        ),
        .choice(
            "log.level", \.configuration.log.level, LogSettings.Level.allCases.map { ($0.rawValue, $0) },
            "Least severity that is logged."),
        .choice(
            "log.format", \.configuration.log.format, LogSettings.Format.allCases.map { ($0.rawValue, $0) },
            "Lines for people or for machines."),
        .bool("health.enabled", \.configuration.endpoints.health, "Answer `GET /health`."),
        .bool("prometheus.enabled", \.configuration.endpoints.prometheus, "Answer `GET /metrics`."),
        .bool("openapi.enabled", \.configuration.endpoints.openAPI, "Answer `GET /openapi.json`."),
        .bool("demo.enabled", \.configuration.endpoints.demo, "Serve the demo page at `/`."),
        .list(
            "demo.endpoints", \.configuration.endpoints.demoEndpoints,
            "Nodes that the demo page tries in turn, such as `http://127.0.0.1:8001`; empty: the one that serves it."),
    ]
}
