extension ConfigurationSchema {
    /// Keys that existing files have and this version does not act on.
    ///
    /// Each is accepted with the value that asks for nothing. Anything else is an error that names the key: a server
    /// that quietly leaves out what its operator configured is worse than one that does not start.
    static let refused: [Setting<ConfigurationDraft>] =
        [
            .refused("http_server.internal_address", unless: ""),
            .refused("http_server.internal_port", unless: "", alternatives: ["0"]),
            .refused("http_server.tls_autocert.enabled", unless: "false"),
            .refused("http_server.http3.enabled", unless: "false"),
            .refused("http_api.disabled", unless: "false"),
            .refused("http_api.external", unless: "false"),
            .refused("http_api.handler_prefix", unless: "/api"),
            .refused("websocket.disabled", unless: "false"),
            .refused("websocket.handler_prefix", unless: "/connection/websocket"),
            .refused("http_stream.handler_prefix", unless: "/connection/http_stream"),
            .refused("sse.handler_prefix", unless: "/connection/sse"),
            .refused("emulation.handler_prefix", unless: "/emulation"),
            .refused("health.handler_prefix", unless: "/health"),
            .refused("prometheus.handler_prefix", unless: "/metrics"),
            .refused("client.insecure_skip_token_signature_verify", unless: "false"),
            .refused(
                "client.presence_ttl", unless: "60s", alternatives: ["1m"],
                hint: "presence lasts as long as its connection"),
        ]
        + [
            "webtransport.enabled",
            "uni_websocket.enabled", "uni_http_stream.enabled", "uni_sse.enabled",
            "uni_grpc.enabled", "grpc_api.enabled", "admin.enabled", "debug.enabled",
        ].map { .refused($0, unless: "false") }
}
