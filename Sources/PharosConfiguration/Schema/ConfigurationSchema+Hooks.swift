import PharosDomain

extension ConfigurationSchema {
    /// The settings of the application.
    ///
    /// They say where it is, when it is asked, which events it gets, and which paths belong to it.
    static let application: [Setting<ConfigurationDraft>] =
        [
            .sections(
                "origins", \.configuration.settings.hooks.origins, fresh: OriginSettings(name: "", url: ""),
                limit: 1000,
                origin, "Addresses of the application, and how it is spoken to.")
        ]
        + hooks.lifted("hooks", \.configuration.settings.hooks)
        + [
            .sections(
                "raw", \.configuration.settings.hooks.raw, fresh: RawPath(path: ""), limit: 1000, rawPath,
                "Paths whose WebSockets belong to an origin, without our protocol.")
        ]

    private static let hooks = SettingTable<HookSettings>([
        .name(
            "handshake", \.handshake,
            "Origin that is asked at each client's first request, before it is answered; empty: none."),
        .name("connect", \.connect, "Origin that is asked at a connect without a token; empty: none."),
        .name(
            "refresh", \.refresh,
            "Origin that is asked when a connection that a hook let in is about to end; empty: none."),
        .name("message", \.message, "Origin that gets what clients `send`; empty: none."),
        .sections(
            "rpc", \.rpc, fresh: RPCRule(prefix: "", origin: ""), limit: 1000, rpcRule,
            "Origins that answer remote calls; the longest prefix counts, and a method that none has is error 104."),
        .choices("events", \.events, toldKinds, "What is told, at least once and in order for each connection."),
        .name("events_to", \.eventsTo, "Origin that is told `events` and gets the keep-alives; empty: none."),
        .duration(
            "keep_alive_interval", \.keepAliveInterval,
            "How often `events_to` and the origins of raw paths are told who is connected; 0: never."),
        .duration(
            "events_kept_for", \.eventsKeptFor, from: 1,
            "How long an event is told again and again; then it goes to the dead-letter log."),
        .integer(
            "events_max_size", \.eventsMaxSize, 65_536...1_099_511_627_776,
            "Bytes of events that may wait; beyond it new clients are refused."),
        .integer(
            "open_questions", \.openQuestions, 1...10_000,
            "Questions of one connection that may be open at once; beyond it: error 111."),
        .text(
            "node_address", \.nodeAddress,
            "Stands in the ids of raw connections, so that they name their node; empty: `node.name`."),
    ])

    private static let rpcRule = SettingTable<RPCRule>([
        .name("prefix", \.prefix, "Beginning of the methods; empty: all."),
        .name("origin", \.origin, "Name of the origin that answers them."),
    ])

    private static let origin = SettingTable<OriginSettings>(
        [
            .name("name", \.name, "What the hooks call it: letters, digits, `-`, `_`."),
            .text("url", \.url, "Address that begins with `https://` or `http://`; every request is a POST to it."),
            .choice(
                "form", \.form, OriginSettings.Form.allCases.map { ($0.rawValue, $0) },
                "How it is spoken to; [the contract](origin.md) describes each form."),
            .duration("timeout", \.timeout, from: 0.001, "Time for an answer; then the client gets a temporary error."),
            .integer(
                "retries", \.retries, 0...10,
                "Further attempts of a question that cannot have reached the application."),
            .integer(
                "concurrency", \.concurrency, 1...65_536,
                "Requests under way at once; what is asked beyond waits, within its timeout."),
            .integer(
                "breaker_failures", \.breakerFailures, 0...1_000_000,
                "So many failures in a row, and nothing is asked for `breaker_pause`. 0: never."),
            .duration(
                "breaker_pause", \.breakerPause, from: 0.001,
                "For so long nothing is asked; then one question tries again."),
            .text(
                "ca_file", \.certificateAuthority,
                "For https: file with the authorities to trust, PEM; empty: those of the system."),
            .secret(
                "secret", \.secret,
                "Key of the signature; empty: requests are not signed. Also `PHAROS_ORIGINS_<NAME>_SECRET`."),
            .map("static_headers", \.staticHeaders, "Headers that each request has; values are never printed."),
        ] + passes.lifted(\.passes) + [
            .names(
                "emulated_headers", \.emulatedHeaders,
                "Headers that clients may send inside their connect command, and that are passed on."),
            .bool("binary_encoding", \.binaryEncoding, "Payloads travel as base64, in `b64data` in place of `data`."),
            .bool(
                "include_connection_meta", \.includeConnectionMeta,
                "Send back with each question the `meta` that an earlier answer or a token gave the connection."),
            .bool(
                "asks_permission", \.asksPermission,
                "Ask by OPTIONS before the first request whether it is wanted, as CloudEvents' webhooks do."),
            .integer(
                "answer_limit", \.answerLimit, 64...1_073_741_824, "Bytes of an answer; a longer one is nonsense."),
        ])

    /// The parts of a client's own request that an origin sees.
    private static let passes = SettingTable<PassList>([
        .names(
            "http_headers", \.headers, "Headers of the client's request that are passed on; `Cookie` only as below."),
        .names("http_cookies", \.cookies, "Cookies that are passed on."),
        .names("http_query", \.query, "Parameters of the client's address that are passed on."),
        .bool("client_address", \.address, "Pass on the client's network address."),
        .bool("request_path", \.path, "Pass on method and path of the client's request."),
    ])

    private static let rawPath = SettingTable<RawPath>([
        .text("path", \.path, "The path, such as `/chat`."),
        .name("origin", \.origin, "Origin that gets each connection and each message; empty: they only hear."),
        .name(
            "handshake", \.handshake, "Origin that lets connections in and names the channels they hear; or `open`."),
        .bool("open", \.open, "Let everybody in; without this and without `handshake` a path cannot be configured."),
        .list("subprotocols", \.subprotocols, "Subprotocols that are accepted."),
        .integer(
            "inbound_limit", \.inboundLimit, 1024...1_073_741_824,
            "Bytes read from one connection that may wait for the origin; beyond it reading rests."),
        .bool(
            "names_channels", \.namesChannels,
            "Publications arrive as `{\"channel\":…,\"data\":…}`; otherwise as their data alone."),
    ])

    /// Events of raw connections go to their own origin whatever is configured here.
    static let toldKinds: [(String, OriginEvent.Kind)] =
        OriginEvent.Kind.allCases.filter { $0 != .rawEstablished && $0 != .rawClosed }.map { ($0.rawValue, $0) }

    /// The variable that holds an origin's secret.
    ///
    /// For example `PHAROS_ORIGINS_APP_SECRET`; so the file need not have it.
    static func secretVariable(forOrigin name: OriginName) -> String {
        secretVariablePrefix + String(name.text.uppercased().map { $0 == "-" ? "_" : $0 }) + secretVariableSuffix
    }

    static let secretVariablePrefix = variablePrefix + "ORIGINS_"
    static let secretVariableSuffix = "_SECRET"
}
