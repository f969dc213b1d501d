import PharosDomain

extension ConfigurationSchema {
    static let client = SettingTable<ClientSettings>([
        .list(
            "allowed_origins", \.allowedOrigins,
            "Globs of browser origins that may connect; `self` is the host that a request names, `loopback` this machine on "
                + "any port. Empty refuses each request that has an `Origin` header. `--dev`: `loopback`."),
        .bool(
            "insecure", \.insecure,
            "Everybody may connect, subscribe, publish, read presence and history without a token."),
        .bool(
            "allow_anonymous_connect_without_token", \.allowAnonymousConnectWithoutToken,
            "Let clients without a token connect, with an empty user id."),
        .bool(
            "disallow_anonymous_connection_tokens", \.disallowAnonymousConnectionTokens,
            "Refuse tokens with an empty user id."),
        .name(
            "user_id_http_header", \.userIDHTTPHeader,
            "Header in which a reverse proxy names the user it has authenticated; it must strip the client's own."),
        .bool(
            "connect_include_server_time", \.connectIncludeServerTime, "Put the server's time into the connect reply."),
        .duration(
            "ping_interval", \.pingInterval, whole: true, "How often the server pings each client; 0: never."),
        .duration("pong_timeout", \.pongTimeout, from: 0.001, "Time for the pong; afterwards disconnect 3012."),
        .duration(
            "stale_close_delay", \.staleCloseDelay, from: 0.001,
            "Time in which a connection must send `connect`; afterwards disconnect 3502."),
        .duration(
            "expired_close_delay", \.expiredCloseDelay, "Grace after a connection's end; then disconnect 3005."),
        .duration(
            "expired_sub_close_delay", \.expiredSubCloseDelay,
            "Grace after a subscription's end; then unsubscribe 2501 or disconnect 3006."),
        .duration(
            "channel_position_check_delay", \.channelPositionCheckDelay, from: 0.001,
            "Least time between two checks of a subscriber's position against its stream."),
        .integer(
            "queue_max_size", \.queueMaxSize, 1024...1_073_741_824,
            "Outgoing bytes that may wait for one connection; beyond it: disconnect 3008. A publication that could not wait "
                + "there is refused with error 106."),
        .integer(
            "channel_limit", \.channelLimit, 1...1_000_000,
            "Channels of one connection; beyond it: error 106, or disconnect 3505 for server-side subscriptions."),
        .integer(
            "history_max_publication_limit", \.historyMaxPublicationLimit, 1...1_000_000,
            "Publications in one answer to a client's `history`."),
        .integer(
            "recovery_max_publication_limit", \.recoveryMaxPublicationLimit, 1...1_000_000,
            "Publications that one recovery may bring; with more missed, `recovered` is false."),
        .integer(
            "user_connection_limit", \.userConnectionLimit, 0...1_000_000,
            "Connections of one user; beyond it: disconnect 3504. 0: no limit."),
        .integer(
            "connection_limit", \.connectionLimit, 0...100_000_000,
            "Connections of this process; beyond it: 503. 0: no limit."),
        .duration(
            "max_connection_age", \.maxConnectionAge,
            "Age, give or take a tenth, at which a connection is told to reconnect (3011; raw connections 1012), so that load evens out after a restart. 0: never."
        ),
        .integer(
            "connection_rate_limit", \.connectionRateLimit, 0...1_000_000,
            "New connections per second, with a burst of one second; beyond it: 503. 0: no limit."),
        .integer(
            "connections_per_address", \.connectionsPerAddress, 0...1_000_000,
            "Connections from one client address; beyond it: 429. 0: no limit."),
        .duration(
            "session_ttl", \.sessionTTL, from: 1,
            "How long the state of a client with a session key outlives its connection."),
        .integer(
            "session_limit", \.sessionLimit, 1...10_000_000,
            "Clients whose state is kept while they are away; beyond it those away longest are forgotten."),
        .names(
            "registered_names", \.registeredNames,
            "Client names that get a metric label of their own; all others share one."),
        .bool(
            "subscribe_to_user_personal_channel.enabled", \.subscribeToUserPersonalChannel,
            "Subscribe each connection with a user id to its own channel, `#<user>`; none for `a,b`, and for `a:b` "
                + "without a namespace."
        ),
        .name(
            "subscribe_to_user_personal_channel.personal_channel_namespace", \.personalChannelNamespace,
            "Namespace of the personal channels; empty: none."),
        .bool(
            "subscribe_to_user_personal_channel.single_connection", \.singleConnection,
            "Keep one connection per user: a new one ends the older."),
        .integer(
            "rate_limit.per_connection", \.rateLimits.perConnection, 0...1_000_000,
            "Commands per second of one connection, with a burst of one second; beyond it: error 111. 0: no limit."),
        .integer(
            "rate_limit.per_user", \.rateLimits.perUser, 0...1_000_000,
            "The same for all connections of one user together; 0: no limit."),
        .integer(
            "rate_limit.per_address", \.rateLimits.perAddress, 0...1_000_000,
            "The same for all connections from one client address together; 0: no limit."),
    ])
}
