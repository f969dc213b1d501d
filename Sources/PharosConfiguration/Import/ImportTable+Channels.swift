extension ImportTable {
    static let channels = table(
        kept(
            "channel.",
            """
            max_length history_meta_ttl namespace_boundary private_prefix user_boundary user_separator
            publication_data_format namespaces[].name
            """),
        options("channel.without_namespace.") + options("channel.namespaces[]."),
        [wholeAbsent("channel.patterns", gated: false, nearest: "`channel.namespaces` with `channel_regex`")])

    private static func options(_ prefix: String) -> [ImportRule] {
        table(
            kept(
                prefix,
                """
                presence join_leave force_push_join_leave history_size history_ttl history_meta_ttl force_positioning
                allow_positioning force_recovery allow_recovery force_recovery_mode allowed_delta_types delta_publish
                allow_subscribe_for_client allow_subscribe_for_anonymous allow_publish_for_client
                allow_publish_for_subscriber allow_publish_for_anonymous allow_presence_for_client
                allow_presence_for_subscriber allow_presence_for_anonymous allow_history_for_client
                allow_history_for_subscriber allow_history_for_anonymous allow_user_limited_channels channel_regex
                publication_data_format
                """),
            [ImportRule(key: prefix + "auto_cache_recovery", fate: .moved(to: prefix + "auto_cache_recover"))],
            ["subscribe", "publish", "sub_refresh"].flatMap { hook in
                ["\(hook)_proxy_enabled", "\(hook)_proxy_name"].map {
                    ImportRule(key: prefix + $0, fate: .translated(to: "\(prefix)\(hook)_proxy_name"))
                }
            },
            absent(
                prefix, "subscribe_stream_proxy_enabled subscribe_stream_proxy_bidirectional",
                nearest: "`raw` paths, or the application publishes by the server API"),
            absent(
                prefix, "subscribe_stream_proxy_name", idle: ["default"],
                gate: prefix + "subscribe_stream_proxy_enabled",
                nearest: "`raw` paths, or the application publishes by the server API"),
            absent(
                prefix, "allow_tags_filter", nearest: "a channel for each kind of publication, or `conflation_tag`"),
            absent(
                prefix, "subscription_type", idle: ["stream"],
                nearest: "history with `force_recovery_mode: cache`, or `slow_reader: conflate` with `conflation_tag`"),
            [
                wholeAbsent(
                    prefix + "map", idle: ["default"], gated: false,
                    nearest: "history with `force_recovery_mode: cache`, or `slow_reader: conflate`"),
                wholeAbsent(
                    prefix + "shared_poll", gated: false,
                    nearest: "`force_recovery_mode: cache`, and publications of the application"
                ),
            ],
            absent(
                prefix, "map_clients_presence_channel_prefix map_users_presence_channel_prefix",
                nearest: "`presence` and `join_leave`"),
            absent(
                prefix,
                "subscribe_cel publish_cel presence_cel history_cel keep_latest_publication shared_position_sync "
                    + "state_events cache_empty_proxy_name",
                nearest: "it belongs to another edition; see docs/migration/centrifugo.md"),
            absent(prefix, "broker_name", nearest: "`engine` of the namespace"),
            notNeeded(prefix, "presence_manager_name", "members live in the node that they are connected to"))
    }
}
