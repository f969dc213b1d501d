extension ImportTable {
    /// The addresses that have no name, by what they answer.
    static let unnamedProxies: [(base: String, name: String)] = [
        ("client.proxy.connect", "connect"), ("client.proxy.refresh", "refresh"),
        ("channel.proxy.subscribe", "subscribe"), ("channel.proxy.publish", "publish"),
        ("channel.proxy.sub_refresh", "sub_refresh"), ("rpc.proxy", "rpc"),
    ]

    /// The section of what version 5 says once for all addresses.
    static let commonProxy = "proxy"

    static let hooks = table(
        unnamedProxies.flatMap { proxy($0.base + ".") },
        ["client.proxy.connect.enabled", "client.connect_proxy_name"].map { translated($0, "hooks.connect") },
        ["client.proxy.refresh.enabled", "client.refresh_proxy_name"].map { translated($0, "hooks.refresh") },
        [translated("granular_proxy_mode", "origins")] + proxy(commonProxy + "."),
        [translated("proxies", "origins"), translated("rpc.namespaces", "hooks.rpc")],
        [translated("proxies[].name", "origins[].name")] + proxy("proxies[]."),
        [
            "rpc.without_namespace.proxy_enabled", "rpc.without_namespace.proxy_name", "rpc.namespaces[].name",
            "rpc.namespaces[].proxy_enabled", "rpc.namespaces[].proxy_name", "rpc.namespace_boundary",
        ].map { translated($0, "hooks.rpc") },
        [
            wholeAbsent("rpc.ping", idle: ["ping"], nearest: "an RPC that the application answers, by `hooks.rpc`"),
            wholeAbsent(
                "channel.proxy.subscribe_stream", idle: ["1s"], gated: false,
                nearest: "`raw` paths, or publications of the application"),
            wholeAbsent("channel.proxy.map_publish", idle: ["1s"], gated: false, nearest: "`publish_proxy_name`"),
            wholeAbsent("channel.proxy.map_remove", idle: ["1s"], gated: false, nearest: "`publish_proxy_name`"),
            wholeAbsent(
                "channel.proxy.shared_poll_refresh", idle: ["1s"], gated: false,
                nearest: "publications of the application"),
            wholeAbsent(
                "channel.proxy.state", idle: ["1s"], gated: false, nearest: "`hooks.events: [occupied, vacated]`"),
            wholeAbsent("channel.proxy.cache_empty", idle: ["1s"], gated: false, nearest: "`hooks.events: [occupied]`"),
        ])

    private static func translated(_ key: String, _ target: String) -> ImportRule {
        ImportRule(key: key, fate: .translated(to: target))
    }

    private static func proxy(_ prefix: String) -> [ImportRule] {
        let same = "timeout http_headers emulated_headers binary_encoding include_connection_meta"
        return table(
            [translated(prefix + "endpoint", "origins[].url")],
            words(same).map { translated(prefix + $0, "origins[].\($0)") },
            [
                ImportRule(
                    key: prefix + "http.static_headers", fate: .translated(to: "origins[].static_headers"),
                    isWhole: true),
                translated(prefix + "http.tls.server_ca_pem", "origins[].ca_file"),
                translated(prefix + "http.tls.server_ca_pem_file", "origins[].ca_file"),
            ],
            notNeeded(prefix + "http.tls.", "enabled", "an address that begins with https:// says so"),
            absent(
                prefix + "http.tls.",
                "cert_pem key_pem cert_pem_file key_pem_file client_ca_pem server_name insecure_skip_verify",
                gate: prefix + "http.tls.enabled",
                nearest: "`origins[].ca_file`, and `origins[].secret`, by which requests are signed"),
            [
                wholeAbsent(
                    prefix + "http.status_to_code_transforms", gated: false,
                    nearest: "answer with status 200 and `error` or `disconnect` in the body"),
                wholeAbsent(prefix + "grpc", gated: false, nearest: "the same questions over HTTP"),
            ],
            absent(prefix, "grpc_metadata", nearest: "`origins[].http_headers`"))
    }
}
