/// One channel of one connection, from the moment it is reserved.
package struct Subscription: Equatable, Sendable {
    package struct Flags: OptionSet, Equatable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        /// The reply is out; before that the subscription is only reserved.
        package static let isLive = Flags(rawValue: 1)
        package static let isServerSide = Flags(rawValue: 2)
        package static let isPositioned = Flags(rawValue: 4)
        package static let isRecoverable = Flags(rawValue: 8)
        package static let keepsPresence = Flags(rawValue: 16)
        package static let emitsJoinLeave = Flags(rawValue: 32)
        package static let receivesJoinLeave = Flags(rawValue: 64)
        /// Publications come as differences from the one before.
        package static let usesDelta = Flags(rawValue: 128)
        /// When it expires, the application is asked, and not the client.
        package static let isRefreshedByHook = Flags(rawValue: 256)
    }

    package var channel: ChannelName
    /// Tells this subscription from earlier ones of the same channel: late answers carry it.
    package var generation: UInt32
    package var flags: Flags
    /// Opaque to the session: where the service keeps the subscription.
    package var binding: UInt32
    /// Seconds since 1970; 0 never.
    package var expireAt: Int64
    package var info: [UInt8]
}

/// What a service is to do so that a reserved subscription becomes live; answered with `streamRead`.
package struct SubscribeOrder: Equatable, Sendable {
    package enum Purpose: Equatable, Sendable {
        /// A `subscribe` command with this id.
        case command(UInt32)
        /// Part of the reply to `connect`.
        case connect
        /// The server's own wish, later.
        case server
    }

    package var purpose: Purpose
    package var channel: ChannelName
    package var generation: UInt32
    package var flags: Subscription.Flags
    package var info: [UInt8]
    /// nil: only the top of the stream is wanted.
    package var recoverFrom: StreamPosition?
    package var recoveryMode: ChannelOptions.RecoveryMode
    package var rejectsUnrecovered: Bool
    package var expireAt: Int64
    package var data: [UInt8]
}

/// What was read of a stream for one subscription.
package struct StreamRead: Equatable, Sendable {
    package var top: StreamPosition
    /// After the position asked for, ascending; in cache mode at most the newest.
    package var publications: [Publication]

    package init(top: StreamPosition, publications: [Publication] = []) {
        self.top = top
        self.publications = publications
    }
}
