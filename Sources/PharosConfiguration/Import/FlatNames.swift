/// The names of Centrifugo's version 5, and those of version 6 in their place.
///
/// The former stand at the top of a file.
package enum FlatNames {
    /// By the flat name.
    package static let targets: [String: String] = {
        var result: [String: String] = [:]
        for line in (names + proxies).split(separator: "\n") {
            let words = line.split(separator: " ")
            result[String(words[0])] = String(words[1])
        }
        for (flat, section) in [
            ("", "http_server."), ("redis_", "engine.redis."), ("redis_sentinel_", "engine.redis.sentinel_"),
            ("nats_", "broker.nats."), ("grpc_api_", "grpc_api."), ("uni_grpc_", "uni_grpc."),
        ] {
            for (end, name) in tlsNames { result[flat + end] = section + name }
        }
        for name in optionNames { result[name] = "channel.without_namespace." + (options[name] ?? name) }
        return result
    }()

    /// The names inside a list that are others in version 6, by the list's flat name.
    static func renames(in list: String) -> [String: String] {
        switch list {
        case "namespaces": options
        case "rpc_namespaces": ["rpc_proxy_name": "proxy_name"]
        case "proxies":
            [
                "static_http_headers": "http.static_headers", "grpc_cert_file": "grpc.tls.cert_pem",
                "grpc_credentials_key": "grpc.credentials_key", "grpc_credentials_value": "grpc.credentials_value",
                "grpc_compression": "grpc.compression",
            ]
        default: [:]
        }
    }

    private static let options = [
        "proxy_subscribe": "subscribe_proxy_enabled", "proxy_publish": "publish_proxy_enabled",
        "proxy_sub_refresh": "sub_refresh_proxy_enabled", "proxy_subscribe_stream": "subscribe_stream_proxy_enabled",
        "proxy_subscribe_stream_bidirectional": "subscribe_stream_proxy_bidirectional",
    ]

    private static let optionNames: [String] =
        Array(options.keys)
        + ImportTable.words(
            """
            presence join_leave force_push_join_leave history_size history_ttl history_meta_ttl force_positioning
            allow_positioning force_recovery allow_recovery force_recovery_mode allowed_delta_types delta_publish
            allow_subscribe_for_client allow_subscribe_for_anonymous allow_publish_for_client
            allow_publish_for_subscriber allow_publish_for_anonymous allow_presence_for_client
            allow_presence_for_subscriber allow_presence_for_anonymous allow_history_for_client
            allow_history_for_subscriber allow_history_for_anonymous allow_user_limited_channels channel_regex
            subscribe_proxy_name publish_proxy_name sub_refresh_proxy_name subscribe_stream_proxy_name subscribe_cel
            publish_cel presence_cel history_cel keep_latest_publication shared_position_sync state_events
            cache_empty_proxy_name broker_name presence_manager_name
            """)

    private static let tlsNames = [
        ("tls", "tls.enabled"), ("tls_cert", "tls.cert_pem"), ("tls_key", "tls.key_pem"),
        ("tls_cert_pem", "tls.cert_pem"), ("tls_key_pem", "tls.key_pem"), ("tls_root_ca", "tls.server_ca_pem"),
        ("tls_root_ca_pem", "tls.server_ca_pem"), ("tls_client_ca", "tls.client_ca_pem"),
        ("tls_client_ca_pem", "tls.client_ca_pem"), ("tls_server_name", "tls.server_name"),
        ("tls_insecure_skip_verify", "tls.insecure_skip_verify"),
    ]

    private static let proxies = """
        proxy_connect_endpoint client.proxy.connect.endpoint
        proxy_connect_timeout client.proxy.connect.timeout
        proxy_refresh_endpoint client.proxy.refresh.endpoint
        proxy_refresh_timeout client.proxy.refresh.timeout
        proxy_subscribe_endpoint channel.proxy.subscribe.endpoint
        proxy_subscribe_timeout channel.proxy.subscribe.timeout
        proxy_publish_endpoint channel.proxy.publish.endpoint
        proxy_publish_timeout channel.proxy.publish.timeout
        proxy_sub_refresh_endpoint channel.proxy.sub_refresh.endpoint
        proxy_sub_refresh_timeout channel.proxy.sub_refresh.timeout
        proxy_subscribe_stream_endpoint channel.proxy.subscribe_stream.endpoint
        proxy_subscribe_stream_timeout channel.proxy.subscribe_stream.timeout
        proxy_state_endpoint channel.proxy.state.endpoint
        proxy_state_timeout channel.proxy.state.timeout
        proxy_cache_empty_endpoint channel.proxy.cache_empty.endpoint
        proxy_cache_empty_timeout channel.proxy.cache_empty.timeout
        proxy_rpc_endpoint rpc.proxy.endpoint
        proxy_rpc_timeout rpc.proxy.timeout
        proxy_http_headers proxy.http_headers
        proxy_static_http_headers proxy.http.static_headers
        proxy_binary_encoding proxy.binary_encoding
        proxy_include_connection_meta proxy.include_connection_meta
        proxy_grpc_metadata proxy.grpc_metadata
        proxy_grpc_cert_file proxy.grpc.tls.cert_pem
        proxy_grpc_credentials_key proxy.grpc.credentials_key
        proxy_grpc_credentials_value proxy.grpc.credentials_value
        proxy_grpc_compression proxy.grpc.compression
        granular_proxy_mode granular_proxy_mode
        connect_proxy_name client.connect_proxy_name
        refresh_proxy_name client.refresh_proxy_name
        rpc_proxy_name rpc.without_namespace.proxy_name
        rpc_namespaces rpc.namespaces
        rpc_namespace_boundary rpc.namespace_boundary
        rpc_ping rpc.ping.enabled
        rpc_ping_method rpc.ping.method

        """
}
