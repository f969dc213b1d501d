extension ImportTable {
    static let server = table(
        kept("http_server.", "address port tls.enabled tls.cert_pem_file tls.key_pem_file"),
        [
            ImportRule(key: "http_server.tls.cert_pem", fate: .translated(to: "http_server.tls.cert_pem_file")),
            ImportRule(key: "http_server.tls.key_pem", fate: .translated(to: "http_server.tls.key_pem_file")),
        ],
        absent(
            "http_server.tls.", "cert_pem_b64 key_pem_b64", gate: "http_server.tls.enabled",
            nearest: "write certificate and key to files and name them in `http_server.tls`"),
        absent(
            "http_server.tls.", "client_ca_pem client_ca_pem_file client_ca_pem_b64", gate: "http_server.tls.enabled",
            nearest: "a reverse proxy that asks clients for certificates"),
        notNeeded(
            "http_server.tls.", "server_ca_pem server_ca_pem_file server_ca_pem_b64 server_name insecure_skip_verify",
            "these belong to the side of a client"),
        absent(
            "http_server.", "internal_address internal_port",
            nearest:
                "one port serves all; the server API asks for its key, other endpoints are closed by a reverse proxy"),
        notNeeded("http_server.", "tls_external", "there are no internal endpoints: TLS has a port of its own"),
        [
            wholeAbsent("http_server.internal_tls", nearest: "`http_server.tls`: one certificate for all endpoints"),
            wholeAbsent(
                "http_server.tls_autocert", idle: [":80"],
                nearest: "an ACME client beside the server: `http_server.tls` reads renewed certificates by itself"),
            wholeAbsent("http_server.http3", nearest: "HTTP/1.1 and WebSocket; HTTP/3 in a reverse proxy"),
        ],
        absent("http_server.", "h2c_external", nearest: "HTTP/1.1 and WebSocket behind a reverse proxy"),
        kept("http_api.", "key insecure error_mode"),
        absent("http_api.", "disabled", nearest: "leave out `http_api.key`: then every call is refused"),
        absent(
            "http_api.", "handler_prefix", idle: ["/api"],
            nearest: "another path in the reverse proxy; here it is `/api`"),
        notNeeded("http_api.", "external", "there is one port"),
        kept("", "node.name shutdown.timeout health.enabled prometheus.enabled"),
        [ImportRule(key: "log.level", fate: .kept)],
        absent("log.", "file", nearest: "standard error, which the service manager writes to a file or a journal"),
        absent(
            "prometheus.", "handler_prefix", idle: ["/metrics"], nearest: "`/metrics`, rewritten by a reverse proxy"),
        absent(
            "prometheus.", "instrument_http_handlers recovered_publications_histogram native_histograms",
            nearest: "the measures of `/metrics`"),
        absent("health.", "handler_prefix", idle: ["/health"], nearest: "`/health`, rewritten by a reverse proxy"),
        [ImportRule(key: "swagger.enabled", fate: .moved(to: "openapi.enabled"))],
        absent("swagger.", "handler_prefix", idle: ["/swagger"], gate: "swagger.enabled", nearest: "`/openapi.json`"),
        notNeeded(
            "node.", "info_metrics_aggregate_interval", "`info` and `/metrics` are counted when they are asked for"),
        absent("", "pid_file", nearest: "the service manager knows the process"),
        absent(
            "shutdown.", "termination_delay", idle: ["0s"],
            nearest: "`shutdown.delay` before, and `shutdown.window` while clients are sent away"),
        notNeeded("", "usage_stats.disabled", "nothing is sent to anybody"),
        notNeeded("", "enable_unreleased_features", "there are no such features"))

    static let elsewhere = table(
        [
            wholeAbsent(
                "admin",
                nearest: "`/metrics`, and `info`, `channels` and `connections` of the server API; `pharos doctor`"),
            wholeAbsent("grpc_api", idle: ["10000"], nearest: "the server API over HTTP, `http_api`"),
            wholeAbsent("debug", idle: ["/debug/pprof"], nearest: "`/metrics` and `pharos doctor`"),
            wholeAbsent("dev", idle: ["/dev"], nearest: "`demo.enabled`, or `pharos serve --dev`"),
            wholeAbsent("init", nearest: "the application's own page, which hands out tokens"),
            wholeAbsent("opentelemetry", nearest: "`prometheus.enabled`: `/metrics`, which collectors read"),
            wholeAbsent(
                "graphite", idle: ["localhost", "2003", "centrifugo", "10s"],
                nearest: "`prometheus.enabled`, and an exporter to Graphite"),
            wholeAbsent(
                "consumers", gated: false,
                nearest: "a consumer of your own that calls `publish` with an `idempotency_key` for each message"),
            wholeAbsent("brokers", gated: false, nearest: "`engine` of a namespace, beside `engine.type`"),
            wholeAbsent("shared_poll", gated: false, nearest: "channels with history and `force_recovery_mode: cache`"),
        ],
        [
            "database", "clickhouse_analytics", "push_notifications", "user_status", "user_block", "token_revoke",
            "user_tokens_invalidate", "cache", "singleflight", "distributed_rate_limit", "presence_managers",
            "license", "state",
        ].map {
            wholeAbsent($0, gated: false, nearest: "it belongs to another edition; see docs/migration/centrifugo.md")
        })
}
