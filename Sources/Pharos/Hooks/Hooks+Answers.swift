package import PharosDomain

extension PharosServer.Hooks {
    /// The application's decision about a `Question`.
    public struct Answer<Question>: Sendable {
        package let outcome: HookOutcome

        /// The client's one command fails.
        ///
        /// - Parameters:
        ///   - code: 400 to 1,999 are the application's own; 103 is "permission denied".
        ///   - isTemporary: whether the client should try again by itself.
        public static func refuse(
            code: UInt32 = 103, _ message: String = "permission denied", isTemporary: Bool = false
        ) -> Answer {
            Answer(outcome: .refused(ReplyError(code: code, message: message, isTemporary: isTemporary)))
        }

        /// The connection ends.
        ///
        /// - Parameter code: 4,000 to 4,499: the client comes back by itself; 4,500 to 4,999: it does not.
        public static func disconnect(code: UInt32 = 4_500, _ reason: String = "disconnected") -> Answer {
            Answer(outcome: .disconnect(Disconnect(code: code, reason: reason)))
        }
    }
}

extension PharosServer.Hooks.Answer where Question == PharosServer.Hooks.Handshake {
    /// Lets the client in, once it has connected.
    ///
    /// - Parameters:
    ///   - user: "" anonymous.
    ///   - channels: it is subscribed to these at once, whatever their rules are, and cannot leave them.
    ///   - expiresAt: seconds since 1970; then `refresh` is asked, or the connection ends. 0: never.
    ///   - info: JSON that other clients see in presence, joins and publications.
    ///   - meta: stays on the server, and comes with every later question; at most 16 KiB.
    public static func allow(
        user: String, channels: [String] = [], expiresAt: Int64 = 0, info: [UInt8] = [], meta: [UInt8] = []
    ) -> Self {
        let claims = ConnectionClaims(user: user, channels: channels, expiresAt: expiresAt, info: info, meta: meta)
        return Self(outcome: .granted(.handshake(claims)))
    }

    /// The request is answered with this status.
    ///
    /// - Parameter status: 400 to 499; 401 if the client should say who it is, 403 if that is known and not enough.
    public static func refuse(status: Int) -> Self {
        precondition((400...499).contains(status), "a refusal is a client's error")
        return Self(outcome: .status(status))
    }
}

extension PharosServer.Hooks.Answer where Question == PharosServer.Hooks.Connect {
    /// Lets the client in.
    ///
    /// - Parameters:
    ///   - user: "" anonymous.
    ///   - channels: it is subscribed to these at once, whatever their rules are, and cannot leave them.
    ///   - expiresAt: seconds since 1970; then `refresh` is asked, or the connection ends. 0: never.
    ///   - info: JSON that other clients see in presence, joins and publications.
    ///   - data: JSON for the client itself.
    ///   - meta: stays on the server, and comes with every later question; at most 16 KiB.
    public static func allow(
        user: String, channels: [String] = [], expiresAt: Int64 = 0, info: [UInt8] = [], data: [UInt8] = [],
        meta: [UInt8] = []
    ) -> Self {
        let claims = ConnectionClaims(user: user, channels: channels, expiresAt: expiresAt, info: info, meta: meta)
        return Self(outcome: .granted(.connect(claims, data: data)))
    }
}

extension PharosServer.Hooks.Answer where Question == PharosServer.Hooks.Refresh {
    /// The connection goes on.
    /// - Parameters:
    ///   - expiresAt: seconds since 1970; 0: never.
    ///   - info: empty: as before.
    public static func allow(until expiresAt: Int64 = 0, info: [UInt8] = []) -> Self {
        var refresh = HookRefresh()
        refresh.expireAt = expiresAt
        refresh.info = info
        return Self(outcome: .granted(.refresh(refresh)))
    }

    /// The connection ends; the client comes back to connect anew.
    public static var expired: Self {
        var refresh = HookRefresh()
        refresh.isExpired = true
        return Self(outcome: .granted(.refresh(refresh)))
    }
}

extension PharosServer.Hooks.Answer where Question == PharosServer.Hooks.Subscribe {
    /// The client is subscribed to the channel.
    ///
    /// - Parameters:
    ///   - expiresAt: seconds since 1970; then `refreshSubscription` is asked, or the subscription ends. 0: never.
    ///   - info: JSON that others see beside the connection's.
    ///   - data: JSON for the client itself.
    public static func allow(expiresAt: Int64 = 0, info: [UInt8] = [], data: [UInt8] = []) -> Self {
        var options = SubscriptionOptions()
        options.expireAt = expiresAt
        options.info = info
        options.data = data
        return Self(outcome: .granted(.subscribe(options)))
    }

    /// The client is subscribed to the channel.
    public static var allow: Self { allow() }
}

extension PharosServer.Hooks.Answer where Question == PharosServer.Hooks.Publish {
    /// The publication goes out.
    ///
    /// - Parameters:
    ///   - data: takes the place of what the client sent; nil: as sent.
    ///   - skipsHistory: only those who are there now get it.
    public static func allow(data: [UInt8]? = nil, tags: [String: String] = [:], skipsHistory: Bool = false) -> Self {
        var publish = HookPublish()
        publish.data = data
        publish.tags = tags.named()
        publish.skipHistory = skipsHistory
        return Self(outcome: .granted(.publish(publish)))
    }

    /// The publication goes out as the client sent it.
    public static var allow: Self { allow() }

    /// Answers the client as if it had gone out, and publishes nothing.
    ///
    /// The application has dealt with it.
    public static var drop: Self {
        var publish = HookPublish()
        publish.isDropped = true
        return Self(outcome: .granted(.publish(publish)))
    }
}

extension PharosServer.Hooks.Answer where Question == PharosServer.Hooks.RefreshSubscription {
    /// The subscription goes on.
    /// - Parameters:
    ///   - expiresAt: seconds since 1970; 0: never.
    ///   - info: empty: as before.
    public static func allow(until expiresAt: Int64 = 0, info: [UInt8] = []) -> Self {
        var refresh = HookRefresh()
        refresh.expireAt = expiresAt
        refresh.info = info
        return Self(outcome: .granted(.subRefresh(refresh)))
    }

    /// The subscription ends.
    public static var expired: Self {
        var refresh = HookRefresh()
        refresh.isExpired = true
        return Self(outcome: .granted(.subRefresh(refresh)))
    }
}

extension PharosServer.Hooks.Answer where Question == PharosServer.Hooks.Call {
    /// - Parameter data: JSON, for clients that speak JSON.
    public static func result(_ data: [UInt8]) -> Self { Self(outcome: .granted(.rpc(data: data))) }

    /// - Parameter json: JSON.
    public static func result(_ json: String) -> Self { result(Array(json.utf8)) }
}

extension PharosServer.Hooks.Answer where Question == PharosServer.Hooks.Message {
    /// The application has the message.
    public static var accepted: Self { Self(outcome: .granted(.message)) }
}

extension ConnectionClaims {
    fileprivate init(user: String, channels: [String], expiresAt: Int64, info: [UInt8], meta: [UInt8]) {
        self.init()
        self.user = UserID(user)
        self.channels = channels.map { ChannelName($0) }
        expireAt = expiresAt
        self.info = info
        self.meta = meta
    }
}
