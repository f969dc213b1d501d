package import PharosDomain

extension PharosServer.Configuration {
    /// The permissions and the history of one namespace's channels.
    ///
    /// A fresh value permits and keeps nothing.
    public struct ChannelRules: Equatable, Sendable {
        package var options: ChannelOptions

        public init() { options = ChannelOptions() }

        package init(_ options: ChannelOptions) { self.options = options }

        /// Publications kept per channel, and for how long; nil: none.
        ///
        /// Clients recover what they missed as far as it reaches.
        public var history: History? {
            get {
                options.hasHistory
                    ? History(size: options.historySize, lifetime: .seconds(options.historyTTL)) : nil
            }
            set {
                options.historySize = newValue?.size ?? 0
                options.historyTTL = newValue?.lifetime.boundedWholeSeconds ?? 0
                options.forceRecovery = newValue != nil
            }
        }

        /// Whether members are listed.
        public var presence: Bool {
            get { options.presence }
            set { options.presence = newValue }
        }

        /// Whether subscribers get joins and leaves.
        public var joinLeave: Bool {
            get { options.joinLeave }
            set { (options.joinLeave, options.forcePushJoinLeave) = (newValue, newValue) }
        }

        /// The clients that may subscribe by themselves.
        ///
        /// Whom a hook or the program subscribes needs nothing here.
        public var maySubscribe: Audience {
            get {
                guard options.allowSubscribeForClient else { return .nobody }
                return options.allowSubscribeForAnonymous ? .everyone : .users
            }
            set {
                options.allowSubscribeForClient = newValue == .users || newValue == .everyone
                options.allowSubscribeForAnonymous = newValue == .everyone
            }
        }

        public var mayPublish: Audience {
            get { Audience(options.publish) }
            set { options.publish = newValue.allowance }
        }

        public var mayReadPresence: Audience {
            get { Audience(options.presenceAccess) }
            set { options.presenceAccess = newValue.allowance }
        }

        public var mayReadHistory: Audience {
            get { Audience(options.historyAccess) }
            set { options.historyAccess = newValue.allowance }
        }

        /// The treatment of clients that read more slowly than is published.
        public var slowReaders: SlowReaders {
            get {
                switch options.slowReader {
                case .dropOldest: .dropOldest
                case .latest: .latest
                case .close, .conflate: .close
                }
            }
            set {
                switch newValue {
                case .close: options.slowReader = .close
                case .dropOldest: options.slowReader = .dropOldest
                case .latest: options.slowReader = .latest
                }
            }
        }

        /// Keeps at most `size` publications, each for `lifetime`.
        public struct History: Hashable, Sendable {
            public var size: Int
            /// In whole seconds.
            public var lifetime: Duration

            public init(size: Int, lifetime: Duration) {
                self.size = size
                self.lifetime = lifetime
            }
        }

        public enum Audience: Hashable, Sendable {
            case nobody
            /// The channel's subscribers, with or without a user id.
            ///
            /// To subscribe takes another permission: being subscribed already is none.
            case subscribers
            /// Clients with a user id.
            case users
            /// Anonymous clients too.
            case everyone
        }

        public enum SlowReaders: Hashable, Sendable {
            /// The connection is closed; its client comes back and recovers.
            case close
            /// The oldest publications go, and the client gets their number.
            case dropOldest
            /// Of what waits only the newest stays.
            case latest
        }
    }
}

extension PharosServer.Configuration.ChannelRules.Audience {
    fileprivate init(_ allowance: ChannelOptions.Allowance) {
        if allowance.forClient {
            self = allowance.forAnonymous ? .everyone : .users
        } else {
            self = allowance.forSubscriber ? .subscribers : .nobody
        }
    }

    fileprivate var allowance: ChannelOptions.Allowance {
        var allowance = ChannelOptions.Allowance()
        switch self {
        case .nobody: break
        case .subscribers: (allowance.forSubscriber, allowance.forAnonymous) = (true, true)
        case .users: allowance.forClient = true
        case .everyone: (allowance.forClient, allowance.forAnonymous) = (true, true)
        }
        return allowance
    }
}
