/// Keeps the members of channels, for `presence` and `presence_stats`.
///
/// Each relay has one of its own, used on its thread only. Asked without waiting, like an engine: an answer comes while
/// the question is asked or by a later `collect`, exactly once, under its ticket. Every store passes the same conformance
/// suite.
package protocol PresenceStore: AnyObject {
    /// Adds a member; the same client again replaces what was known of it.
    func add(_ member: ClientInfo, to channel: ChannelName)

    /// Removes a member; one that is not there is ignored.
    func remove(client: ClientName, from channel: ChannelName)

    /// Asks about a channel.
    ///
    /// - Parameter answers: an answer that is known at once is added here.
    func ask(
        _ question: PresenceQuestion, of channel: ChannelName, ticket: UInt64, into answers: inout [PresenceAnswer])

    /// Adds answers that have come since the last call.
    func collect(into answers: inout [PresenceAnswer])

    /// Channels with members, for leak checks.
    var channelCount: Int { get }
}

/// A question about the members of a channel.
package enum PresenceQuestion: Sendable {
    case members
    case stats
}

/// The answer to the question with the same ticket.
package struct PresenceAnswer: Sendable {
    package enum Value: Equatable, Sendable {
        /// By client id.
        case members([ClientName: ClientInfo])
        case stats(clients: Int, users: Int)
    }

    package var ticket: UInt64
    package var result: Result<Value, ReplyError>
    /// Some nodes did not answer; their members are not in it.
    package var isPartial: Bool

    package init(ticket: UInt64, result: Result<Value, ReplyError>, isPartial: Bool = false) {
        self.ticket = ticket
        self.result = result
        self.isPartial = isPartial
    }
}
