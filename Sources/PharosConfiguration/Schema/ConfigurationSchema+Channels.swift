import PharosDomain

extension ConfigurationSchema {
    static let channel = SettingTable<ChannelSettings>(
        [
            .integer("max_length", \.maxLength, 1...65_535, "Bytes of a channel's name; beyond it: error 107."),
            .seconds(
                "history_meta_ttl", \.historyMetaTTL, from: 1,
                "How long epoch and last offset outlive a stream's publications."),
            .text("namespace_boundary", \.namespaceBoundary, "What ends the namespace in a channel's name."),
            .text("private_prefix", \.privatePrefix, "Beginning of the channels that always need a token."),
            .text("user_boundary", \.userBoundary, "What precedes the list of allowed users in a channel's name."),
            .text("user_separator", \.userSeparator, "What stands between the allowed users."),
            .choice(
                "publication_data_format", \.publicationDataFormat, dataFormats,
                "What the data of a publication must be, where the namespace does not say."),
        ]
            + [
                .sections(
                    "namespaces", \.namespaces, fresh: ChannelNamespace(name: "", options: ChannelOptions()),
                    limit: 10_000, namespace, "Namespaces: a name, and the same options as `channel.without_namespace`."
                )
            ]
            + channelOptions.lifted("without_namespace", \.withoutNamespace))

    /// One item of `channel.namespaces`: the options stand beside the name.
    private static let namespace = SettingTable<ChannelNamespace>(
        [.name("name", \.name, "At least two of letters, digits, `-`, `_`, `.`.")]
            + channelOptions.lifted(\.options))

    static let channelOptions = SettingTable<ChannelOptions>(
        [
            .bool("presence", \.presence, "Keep who is in a channel."),
            .bool("join_leave", \.joinLeave, "Produce join and leave messages."),
            .bool("force_push_join_leave", \.forcePushJoinLeave, "Send them to all subscribers, asked for or not."),
            .integer(
                "history_size", \.historySize, 0...10_000_000, "Publications kept per channel; with `history_ttl`."),
            .seconds("history_ttl", \.historyTTL, "How long a publication is kept; with `history_size`."),
            .seconds(
                "history_meta_ttl", \.historyMetaTTL,
                "As `channel.history_meta_ttl`, for these channels; 0: the global value."),
            .bool("force_positioning", \.forcePositioning, "Watch every subscriber's position for gaps."),
            .bool("allow_positioning", \.allowPositioning, "The same, for clients that ask for it."),
            .bool("force_recovery", \.forceRecovery, "Bring every subscriber what it missed; needs history."),
            .bool("allow_recovery", \.allowRecovery, "The same, for clients that ask for it; needs history."),
            .choice(
                "force_recovery_mode", \.recoveryMode, [("stream", .stream), ("", .stream), ("cache", .cache)],
                "`stream`: all that was missed; `cache`: the latest publication."),
            .bool(
                "auto_cache_recover", \.autoCacheRecover,
                "A first subscription gets the latest publication too; needs `force_recovery` and mode `cache`."),
            .names(
                "allowed_delta_types", \.allowedDeltaTypes,
                "Delta types clients may ask for; only `fossil` exists; needs history."),
            .bool(
                "delta_publish", \.deltaPublish,
                "Every publication may be sent as a delta, not only those published so; needs history."),
            .choice(
                "durability", \.durability, ChannelOptions.Durability.allCases.map { ($0.rawValue, $0) },
                "`disk`: on the disk before its publisher is answered; `memory`: gone with the process; empty: `disk` if "
                    + "there is a `store.path`."),
            .choice(
                "engine", \.engine, ChannelOptions.Engine.allCases.map { ($0.rawValue, $0) },
                "Engine of these channels, where it is not that of `engine.type`; its settings are those of "
                    + "`engine.topic`, `engine.nats` or `engine.redis`. Empty: `engine.type`."),
        ] + accessOptions + [
            .bool(
                "allow_user_limited_channels", \.allowUserLimitedChannels,
                "Channels such as `name#42,43` are open to the users they list."),
            .text("channel_regex", \.channelRegex, "Pattern for the name after the namespace; empty: all."),
            .choice(
                "publication_data_format", \.publicationDataFormat, dataFormats,
                "What the data of a publication must be; empty: the global value."),
            .choice(
                "slow_reader", \.slowReader, ChannelOptions.SlowReaderPolicy.allCases.map { ($0.rawValue, $0) },
                "For a client that reads too slowly: `close` its connection beyond `client.queue_max_size`; `drop_oldest` "
                    + "publications; keep only the `latest` that waits; `conflate`: the latest per `conflation_tag`."),
            .name(
                "conflation_tag", \.conflationTag,
                "With `conflate`: the tag whose value says what a publication is about."),
        ] + hookOptions + refusedOptions)

    private static let hookOptions: [Setting<ChannelOptions>] = [
        .name(
            "subscribe_proxy_name", \.subscribeHook,
            "Origin that is asked who may subscribe, in place of the options above; empty: none."),
        .name(
            "publish_proxy_name", \.publishHook,
            "Origin that is asked who may publish what, in place of the options above; empty: none."),
        .name(
            "sub_refresh_proxy_name", \.subRefreshHook,
            "Origin that is asked when a subscription that it let in is about to end; empty: none."),
    ]

    private static let accessOptions: [Setting<ChannelOptions>] = [
        .bool("allow_subscribe_for_client", \.allowSubscribeForClient, "Clients may subscribe without a token."),
        .bool(
            "allow_subscribe_for_anonymous", \.allowSubscribeForAnonymous,
            "With the option above: also those without a user id."),
        .bool("allow_publish_for_client", \.publish.forClient, "Clients may publish."),
        .bool("allow_publish_for_subscriber", \.publish.forSubscriber, "Subscribers of the channel may publish."),
        .bool("allow_publish_for_anonymous", \.publish.forAnonymous, "The two above: also without a user id."),
        .bool("allow_presence_for_client", \.presenceAccess.forClient, "Clients may read presence."),
        .bool("allow_presence_for_subscriber", \.presenceAccess.forSubscriber, "Subscribers may read presence."),
        .bool("allow_presence_for_anonymous", \.presenceAccess.forAnonymous, "The two above: also without a user id."),
        .bool("allow_history_for_client", \.historyAccess.forClient, "Clients may read history."),
        .bool("allow_history_for_subscriber", \.historyAccess.forSubscriber, "Subscribers may read history."),
        .bool("allow_history_for_anonymous", \.historyAccess.forAnonymous, "The two above: also without a user id."),
    ]

    /// Options of other kinds of subscription, which this version lacks.
    ///
    /// An operator must learn that at start, and not from channels that behave differently.
    private static let refusedOptions: [Setting<ChannelOptions>] =
        [
            .refused("subscription_type", unless: "", alternatives: ["stream"]),
            .refused("allow_tags_filter", unless: "false"),
        ]
        // A name alone turns a hook on.
        + ["subscribe", "publish", "sub_refresh"].map { hook in
            .refused(
                "\(hook)_proxy_enabled", unless: "false",
                hint: "leave it out, and name the origin in `\(hook)_proxy_name`")
        }
        + [.refused("subscribe_stream_proxy_enabled", unless: "false")]

    private static let dataFormats: [(String, ChannelOptions.DataFormat)] =
        ChannelOptions.DataFormat.allCases.map { ($0.rawValue, $0) }
}
