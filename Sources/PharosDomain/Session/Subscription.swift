/// One live channel of one connection: its answer is out, and publications follow.
///
/// Before that it is a `PendingSubscription`.
package struct Subscription: Equatable, Sendable {
    package struct Flags: OptionSet, Equatable, Sendable {
        package let rawValue: UInt16
        package init(rawValue: UInt16) { self.rawValue = rawValue }
        package static let isServerSide = Flags(rawValue: 1)
        package static let isPositioned = Flags(rawValue: 2)
        package static let isRecoverable = Flags(rawValue: 4)
        package static let keepsPresence = Flags(rawValue: 8)
        package static let emitsJoinLeave = Flags(rawValue: 16)
        package static let receivesJoinLeave = Flags(rawValue: 32)
        /// Publications come as differences from the one before.
        package static let usesDelta = Flags(rawValue: 64)
        /// When it expires, the application is asked, and not the client.
        package static let isRefreshedByHook = Flags(rawValue: 128)
    }

    package let channel: ChannelName
    /// Distinguishes it from earlier ones of the same channel: late answers carry it.
    package let generation: UInt32
    package let flags: Flags
    /// Opaque to the session: where the service keeps the subscription.
    package internal(set) var binding: UInt32
    /// Seconds since 1970; 0 never.
    package internal(set) var expireAt: Int64
    package internal(set) var info: [UInt8]
}

/// The work of a service for a subscription to become live.
///
/// Answered with `attached`.
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

/// A subscription that has left its session, for the service to undo.
package enum EndedSubscription: Equatable, Sendable {
    /// It was reserved only: the service has done nothing for it.
    case reserved(ChannelName, generation: UInt32)
    /// Its order was given to the service.
    case ordered(SubscribeOrder)
    case live(Subscription)

    package var channel: ChannelName {
        switch self {
        case .reserved(let channel, _): channel
        case .ordered(let order): order.channel
        case .live(let subscription): subscription.channel
        }
    }

    package var generation: UInt32 {
        switch self {
        case .reserved(_, let generation): generation
        case .ordered(let order): order.generation
        case .live(let subscription): subscription.generation
        }
    }
}

/// The part of a stream that was read for one subscription.
package struct StreamRead: Equatable, Sendable {
    package var top: StreamPosition
    /// After the position asked for, ascending; in cache mode at most the newest.
    package var publications: [Publication]

    package init(top: StreamPosition, publications: [Publication] = []) {
        self.top = top
        self.publications = publications
    }
}
