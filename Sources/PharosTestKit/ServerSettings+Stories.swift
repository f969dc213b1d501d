package import PharosDomain

extension ServerSettings {
    /// The settings of most stories.
    ///
    /// Anonymous clients may connect; subscribe and publish are open; namespaces differ by their history.
    ///
    /// - `log:` history of 1,000 with recovery, `room:` presence with joins and leaves, `cache:` the newest value only,
    ///   `closed:` nothing allowed.
    package static func stories(shards: Int) -> ServerSettings {
        var settings = ServerSettings()
        settings.edge.port = 0
        settings.edge.shards = shards
        // A story ends when nothing is left of its clients: it need not wait a second for that.
        settings.edge.tickInterval = 0.02
        settings.transports.pollChannelLinger = 0.02
        settings.client.allowAnonymousConnectWithoutToken = true
        // A story's clients need not read all the time; stories about pings switch them on.
        settings.client.pingInterval = 0
        settings.api.keys = [
            APIKey(key: TestServer.apiKey),
            APIKey(key: TestServer.publishKey, methods: ["publish", "broadcast", "batch"]),
        ]
        var open = ChannelOptions()
        open.allowSubscribeForClient = true
        open.allowSubscribeForAnonymous = true
        for keyPath in [\ChannelOptions.publish, \.presenceAccess, \.historyAccess] {
            open[keyPath: keyPath].forClient = true
            open[keyPath: keyPath].forAnonymous = true
        }
        settings.channel.withoutNamespace = open
        var log = open
        log.historySize = 1_000
        log.historyTTL = 600
        log.forceRecovery = true
        var room = open
        room.presence = true
        room.joinLeave = true
        room.forcePushJoinLeave = true
        var cache = log
        cache.historySize = 1
        cache.recoveryMode = .cache
        cache.autoCacheRecover = true
        settings.channel.namespaces = [
            ChannelNamespace(name: "log", options: log), ChannelNamespace(name: "room", options: room),
            ChannelNamespace(name: "cache", options: cache),
            ChannelNamespace(name: "closed", options: ChannelOptions()),
        ]
        return settings
    }

    /// Changes the options of one namespace.
    package mutating func namespace(_ name: NamespaceName, _ change: (inout ChannelOptions) -> Void) {
        for index in channel.namespaces.indices where channel.namespaces[index].name == name {
            change(&channel.namespaces[index].options)
        }
    }
}
