/// Numbers the publications of channels, keeps streams, and links nodes.
///
/// Each relay, which looks after one shard's share of the channels, has an engine of its own, used on its thread only. An
/// engine is asked without waiting. Each request that has a completion gets it exactly once, under its ticket, either
/// while it is submitted or by a later `collect`. Events of one channel are reported in the order of the channel: a
/// publication before the completion of the request that brought it, offsets ascending and without a gap, and where that
/// cannot be kept a `gap`.
///
/// The rules of numbering, versions, idempotency and history stand behind this protocol, once (`PublishingRules`). Every
/// engine passes the same conformance suite.
package protocol ChannelEngine: AnyObject {
    /// Hands in one request.
    ///
    /// - Parameters:
    ///   - ticket: chosen by the caller; the completion names it.
    ///   - events: what can be reported at once is added here.
    func submit(_ request: EngineRequest, ticket: UInt64, at now: Moment, into events: inout [EngineEvent])

    /// Adds the events since the last call.
    ///
    /// Called after the engine has asked for it by the closure that it was made with.
    func collect(at now: Moment, into events: inout [EngineEvent])

    /// Whether reads of such a channel are completed while they are submitted.
    ///
    /// A copy of its stream would save nothing then.
    func answersAtOnce(_ options: ChannelOptions) -> Bool

    /// Whether others publish to the same channels, over links that may lose something.
    ///
    /// Then only followed channels are reported, and the relay compares offsets and fetches what is missing. An engine in
    /// the process reports everything that happens.
    var isShared: Bool { get }

    /// Frees what has outlived its time; called about once a second.
    func expire(at now: Moment)
}

/// One thing that a relay asks of its engine.
package enum EngineRequest: Sendable {
    /// Completed with `position`, or refused.
    ///
    /// If it is not a repeat it is reported as `publication` before.
    case publish(EnginePublish)
    /// The newest position and, after `after`, at most `limit` publications.
    ///
    /// They ascend; nil: from the oldest. An engine with copies answers from one that knows the stream up to `floor` and
    /// `after`, if any does.
    case read(channel: ChannelName, options: ChannelOptions, after: UInt64?, limit: Int, floor: UInt64 = 0)
    /// At most `limit` publications before `before`, newest first.
    ///
    /// nil: from the newest. `floor` as for `read`.
    case readBackwards(channel: ChannelName, options: ChannelOptions, before: UInt64?, limit: Int, floor: UInt64 = 0)
    /// Forgets the publications; epoch and top stay.
    case removeHistory(channel: ChannelName, options: ChannelOptions)
    /// This relay has subscribers of the channel from now on.
    ///
    /// Every event of the channel is to be reported. No completion.
    case follow(channel: ChannelName, options: ChannelOptions)
    /// The last subscriber has gone; reports may stop. No completion.
    case unfollow(channel: ChannelName)
    /// A member came or went.
    ///
    /// Reported as `member` to every relay that follows the channel. No completion.
    case announce(MemberChange, channel: ChannelName)

    /// Whether something is answered.
    package var hasCompletion: Bool {
        switch self {
        case .publish, .read, .readBackwards, .removeHistory: true
        case .follow, .unfollow, .announce: false
        }
    }
}

/// One publication to be taken by an engine.
package struct EnginePublish: Sendable {
    package var channel: ChannelName
    package var publication: Publication
    package var options: ChannelOptions
    /// The publication is delivered and leaves nothing in the stream.
    package var skipHistory = false
    /// A key under which a repeated publish gets the first one's answer; empty: none.
    package var idempotencyKey: IdempotencyKey = ""
    /// Above 0: the publish is suppressed unless its version is a new one.
    ///
    /// That is: above the last one of the same `versionEpoch`.
    package var version: UInt64 = 0
    package var versionEpoch: Epoch = ""
    /// The client that does not get it live: its publisher, for example.
    package var except: ClientID?

    package init(
        channel: ChannelName, publication: Publication, options: ChannelOptions, skipHistory: Bool = false,
        idempotencyKey: IdempotencyKey = "", version: UInt64 = 0, versionEpoch: Epoch = "", except: ClientID? = nil
    ) {
        self.channel = channel
        self.publication = publication
        self.options = options
        self.skipHistory = skipHistory
        self.idempotencyKey = idempotencyKey
        self.version = version
        self.versionEpoch = versionEpoch
        self.except = except
    }
}

/// A member of a channel that came or went.
package enum MemberChange: Equatable, Sendable {
    case join(ClientInfo)
    case leave(ClientInfo)
}

/// A report of an engine.
package enum EngineEvent: Sendable {
    /// The end of the request with this ticket.
    case completed(ticket: UInt64, Result<EngineOutcome, ReplyError>)
    /// The next publication of a channel.
    ///
    /// Its offset is 0 and the epoch empty where it is in no stream.
    case publication(channel: ChannelName, EngineDelivery)
    case member(channel: ChannelName, MemberChange)
    /// Publications of the channel may be missing before the next one that is reported.
    case gap(channel: ChannelName)
    /// Nothing is reported until `linkRegained`.
    ///
    /// What was missed by then is a gap in every channel that is followed.
    case linkLost
    case linkRegained
}

/// The result of a request that an engine has carried out.
package enum EngineOutcome: Equatable, Sendable {
    /// The position of a publication, or of the first one if it is a repeat.
    ///
    /// Offset 0 where it is in no stream.
    case position(StreamPosition)
    case read(StreamRead)
    case done
}

/// A publication on its way to subscribers.
package struct EngineDelivery: Sendable {
    /// With its offset.
    package var publication: Publication
    package var epoch: Epoch
    /// The limits that a copy of the stream has to keep.
    ///
    /// nil if the publication is in no stream, or a copy would save nothing.
    package var retention: StreamRetention?
    package var except: ClientID?

    package init(publication: Publication, epoch: Epoch, retention: StreamRetention?, except: ClientID?) {
        self.publication = publication
        self.epoch = epoch
        self.retention = retention
        self.except = except
    }
}
