package import PharosDomain
import PharosProtocol
package import PharosServices

/// One message of a channel, as a subscriber in the same process gets it.
public struct Publication: Sendable {
    public let channel: String
    package let entry: PublicationQueue.Entry

    package init(channel: String, entry: PublicationQueue.Entry) {
        self.channel = channel
        self.entry = entry
    }

    /// As published; JSON if the publisher sent JSON.
    public var data: [UInt8] { entry.publication.data }

    /// `data` as text; what is no UTF-8 becomes U+FFFD.
    public var text: String { String(decoding: entry.publication.data, as: UTF8.self) }

    /// Whether `data` is JSON.
    public var isJSON: Bool { entry.publication.isJSON }

    public var tags: [String: String] { entry.publication.tags.texts() }

    /// Where it stands in its stream; nil in channels without history.
    public var position: Position? {
        entry.publication.offset == 0
            ? nil : Position(offset: entry.publication.offset, epoch: entry.epoch.text)
    }

    /// The client that published it; nil: the application itself did.
    public var publisher: Member? { entry.publication.info.map { Member($0) } }

    /// Whether publications before this one did not arrive.
    ///
    /// The consumer was too slow for them, or the stream's memory was lost.
    public var followsGap: Bool { entry.followsGap }
}

/// A position in a channel's stream.
///
/// Everything up to and including `offset` has been seen.
///
/// As text it is `epoch:offset`, the same on every transport.
public struct Position: Hashable, Sendable, LosslessStringConvertible {
    public var offset: UInt64
    /// Changes only when the stream's memory was lost.
    public var epoch: String

    public init(offset: UInt64, epoch: String) {
        self.offset = offset
        self.epoch = epoch
    }

    public init?(_ description: String) {
        guard let position = try? StreamPosition(text: description) else { return nil }
        self.init(position)
    }

    package init(_ position: StreamPosition) { self.init(offset: position.offset, epoch: position.epoch.text) }

    package var streamPosition: StreamPosition { StreamPosition(offset: offset, epoch: Epoch(epoch)) }

    public var description: String { streamPosition.text }
}

/// A client in a channel: one who is present, or who has published.
public struct Member: Hashable, Sendable {
    /// The id of its connection.
    public let client: String
    /// "" anonymous.
    public let user: String
    /// The `info` of the answers to connect and subscribe.
    ///
    /// It is JSON, or empty.
    public let info: [UInt8]
    public let channelInfo: [UInt8]

    package init(_ info: ClientInfo) {
        client = info.client.text
        user = info.user.text
        self.info = info.connectionInfo
        channelInfo = info.channelInfo
    }
}
