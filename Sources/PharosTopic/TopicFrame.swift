import PharosBytes
import PharosCluster
package import PharosDomain
import PharosProtocol

/// One message on the link between a node and the node with the role `topic`.
///
/// On the wire: four bytes with the length, most significant first, and a message of proto3. Fields and messages that are
/// not known are skipped, so that two versions of the server work together.
package enum TopicFrame: Sendable {
    // From the hub.
    /// The first message: proves nothing yet.
    case challenge(version: UInt64, nonce: [UInt8])
    /// The node is accepted; `code` proves the hub.
    ///
    /// `wallMs` is its clock, in milliseconds since 1970; 0: it does not say.
    case welcome(hub: UInt64, code: [UInt8], wallMs: Int64)
    /// The link is of no use; the text says why.
    case refused(String)
    case completed(relay: UInt64, ticket: UInt64, Result<EngineOutcome, ReplyError>)
    case publication(channel: ChannelName, epoch: Epoch, Publication, except: ClientID?)
    case gap(channel: ChannelName)

    // From a node.
    case hello(TopicHello)
    case request(relay: UInt64, ticket: UInt64, EngineRequest, Moment)

    // Both ways.
    case member(channel: ChannelName, MemberChange)
    /// A message between nodes; `node` 0: to all.
    case bus(node: UInt64, [UInt8])
    case ping
    case pong

    /// Raised when an older reader would misunderstand.
    package static let version: UInt64 = 1
    /// Bytes of the longest message.
    package static let limit = 64 << 20
}

/// The introduction of a node.
package struct TopicHello: Equatable, Sendable {
    package var version: UInt64 = TopicFrame.version
    /// The mark of its incarnation.
    package var mark: UInt64
    package var name: String
    package var nonce: [UInt8]
    /// Proves that the node knows the secret.
    package var code: [UInt8]
}
