/// The permissions and the history of one namespace's channels.
///
/// Names and defaults are those of the configuration file; all durations in seconds.
package struct ChannelOptions: Equatable, Sendable {
    package var presence = false
    package var joinLeave = false
    package var forcePushJoinLeave = false
    /// Publications kept per channel; 0 with `historyTTL` 0: none.
    package var historySize = 0
    package var historyTTL = 0
    /// How long epoch and top outlive the publications; 0: the global value.
    package var historyMetaTTL = 0
    package var forcePositioning = false
    package var allowPositioning = false
    package var forceRecovery = false
    package var allowRecovery = false
    package var recoveryMode = RecoveryMode.stream
    package var autoCacheRecover = false
    package var allowedDeltaTypes: [DeltaType] = []
    package var deltaPublish = false
    package var allowSubscribeForClient = false
    package var allowSubscribeForAnonymous = false
    package var publish = Allowance()
    package var presenceAccess = Allowance()
    package var historyAccess = Allowance()
    package var allowTagsFilter = false
    package var allowUserLimitedChannels = false
    /// Matched against the part after the namespace; "" matches all.
    package var channelRegex = ""
    package var publicationDataFormat = DataFormat.any
    package var durability = Durability.asConfigured
    package var engine = Engine.asConfigured
    package var slowReader = SlowReaderPolicy.close
    /// The tag that names the subject of a publication.
    ///
    /// It is for `slowReader` `conflate`.
    package var conflationTag: TagKey = ""
    /// Names of the origins that are asked in place of the permissions above; "": none.
    package var subscribeHook: OriginName = ""
    package var publishHook: OriginName = ""
    package var subRefreshHook: OriginName = ""

    package init() {}

    package var hasHistory: Bool { historySize > 0 && historyTTL > 0 }

    /// The clients that may do one thing.
    ///
    /// Any client, only subscribers of the channel, and either also with an empty user id.
    package struct Allowance: Equatable, Sendable {
        package var forClient = false
        package var forSubscriber = false
        package var forAnonymous = false
        package init() {}
    }

    package enum RecoveryMode: String, Equatable, Sendable, CaseIterable {
        case stream, cache
    }

    package enum DataFormat: String, Equatable, Sendable, CaseIterable {
        case any = "", json, jsonObject = "json_object", binary
    }

    /// The treatment of a connection whose output exceeds its limit.
    package enum SlowReaderPolicy: String, Equatable, Sendable, CaseIterable {
        /// The connection is closed; its client comes back and recovers.
        case close
        /// The oldest publications go, and the client gets their number.
        case dropOldest = "drop_oldest"
        /// Of a channel's waiting publications only the newest stays.
        case latest
        /// Of those with the same value of `conflationTag` only the newest stays.
        case conflate
    }

    /// The engine that numbers and keeps the channels of a namespace.
    package enum Engine: String, Equatable, Sendable, CaseIterable {
        /// The node's.
        case asConfigured = ""
        case topic, nats, redis
    }

    /// How hard a publication is stored before its publisher is answered.
    package enum Durability: String, Equatable, Sendable, CaseIterable {
        /// `disk` if there is a durable store, else `memory`.
        case asConfigured = ""
        /// Gone with the process, and with it the epoch.
        case memory
        /// On the disk before anybody sees it; survives a crash with its epoch.
        case disk
    }
}

package struct ChannelNamespace: Equatable, Sendable {
    /// Matches `^[-a-zA-Z0-9_.]{2,}$`.
    package var name: NamespaceName
    package var options: ChannelOptions

    package init(name: NamespaceName, options: ChannelOptions) {
        self.name = name
        self.options = options
    }
}
