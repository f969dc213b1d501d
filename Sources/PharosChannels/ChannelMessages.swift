package import PharosDomain

/// One subscriber as a relay knows it.
///
/// The relay gives it back and does not look inside.
package struct SubscriberTag: Equatable, Sendable {
    package var connection: UInt64
    package var generation: UInt32

    package init(connection: UInt64, generation: UInt32) {
        self.connection = connection
        self.generation = generation
    }
}

/// A request of a shard of this node to a channel's relay.
package enum RelayRequest: Sendable {
    /// Add a subscriber of the asking shard; answered with `attached`.
    case attach(AttachRequest, SubscriberTag)
    /// A subscriber of the asking shard has gone. No answer.
    case detach(DetachRequest)
    /// Answered with `answered` under the ticket.
    case ask(ChannelQuestion, ticket: UInt64)
    /// Asks for the position of the stream; answered with `position`.
    ///
    /// The answer comes after all that was delivered before. There is none where only a store that takes its time knows.
    case position(channel: ChannelName, options: ChannelOptions)
}

/// A subscriber to be added.
package struct AttachRequest: Sendable {
    package var channel: ChannelName
    package var options: ChannelOptions
    package var info: ClientInfo
    package var keepsPresence: Bool
    package var emitsJoin: Bool
    /// Whether the answer is to say where the stream stands.
    package var isPositioned: Bool
    /// Publications after this position are wanted; nil: only new ones.
    package var recoverFrom: StreamPosition?

    package init(
        channel: ChannelName, options: ChannelOptions, info: ClientInfo, keepsPresence: Bool = false,
        emitsJoin: Bool = false, isPositioned: Bool = false, recoverFrom: StreamPosition? = nil
    ) {
        self.channel = channel
        self.options = options
        self.info = info
        self.keepsPresence = keepsPresence
        self.emitsJoin = emitsJoin
        self.isPositioned = isPositioned
        self.recoverFrom = recoverFrom
    }
}

/// A subscriber that has gone.
package struct DetachRequest: Sendable {
    package var channel: ChannelName
    package var info: ClientInfo
    package var keepsPresence: Bool
    package var emitsLeave: Bool
    /// Whether the shard needs the channel's events no longer.
    package var isLastOfShard: Bool

    package init(
        channel: ChannelName, info: ClientInfo, keepsPresence: Bool = false, emitsLeave: Bool = false,
        isLastOfShard: Bool
    ) {
        self.channel = channel
        self.info = info
        self.keepsPresence = keepsPresence
        self.emitsLeave = emitsLeave
        self.isLastOfShard = isLastOfShard
    }
}

/// A part of a channel's history.
package struct HistoryOrder: Sendable {
    package var channel: ChannelName
    package var options: ChannelOptions
    /// 0: the position only; below 0: as many as there are.
    package var limit: Int32
    /// Exclusive.
    ///
    /// Another epoch than the stream's is refused with 112; an empty one is not compared.
    package var since: StreamPosition?
    package var reverse: Bool

    package init(
        channel: ChannelName, options: ChannelOptions, limit: Int32, since: StreamPosition? = nil,
        reverse: Bool = false
    ) {
        self.channel = channel
        self.options = options
        self.limit = limit
        self.since = since
        self.reverse = reverse
    }
}

/// A question to a channel's relay; every question gets one answer.
package enum ChannelQuestion: Sendable {
    case publish(EnginePublish)
    case presence(channel: ChannelName)
    case presenceStats(channel: ChannelName)
    case history(HistoryOrder)
    /// As `history`, and events go to the asking shard from before the read on.
    case watch(HistoryOrder)
    case removeHistory(channel: ChannelName, options: ChannelOptions)
}

/// The answer of a channel's relay to a question.
package enum ChannelAnswer: Sendable {
    case position(StreamPosition)
    case members([ClientName: ClientInfo])
    case stats(clients: UInt32, users: UInt32)
    case read(StreamRead)
    case done
}

/// An event of a channel, for the shards with subscribers.
package enum ChannelEvent: Sendable {
    /// A new publication, for all subscribers but the client `except`.
    ///
    /// `epoch` is empty in channels without history.
    case publication(Publication, epoch: Epoch, except: ClientID? = nil)
    case member(MemberChange)
}

/// A message of a relay to a shard; their order is kept.
package enum RelayMessage: Sendable {
    /// The subscriber is added; here is the read that its recovery needs.
    ///
    /// nil where no position was asked for.
    case attached(SubscriberTag, Result<StreamRead?, ReplyError>)
    case event(channel: ChannelName, ChannelEvent)
    case answered(ticket: UInt64, Result<ChannelAnswer, ReplyError>)
    case position(channel: ChannelName, StreamPosition)
}

/// One consequence of a relay's input; they come in order.
package enum RelayOutput: Sendable {
    case message(RelayMessage, shard: Int)
    /// For all shards of the set, one bit each.
    case event(channel: ChannelName, ChannelEvent, shards: UInt64)
    /// A channel has got its first subscriber of this node, or lost its last.
    case occupancy(channel: ChannelName, isOccupied: Bool)
}
