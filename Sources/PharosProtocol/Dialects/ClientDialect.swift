package import PharosBytes
package import PharosDomain

/// How one kind of client is spoken to.
///
/// Messages become commands; answers, pushes and publications become messages.
///
/// A value without state and IO; there is one for each encoding, and a `DialectTable` gives it a number. Every function
/// appends exactly one message to its writer, without what a transport puts around it (`TransportFraming`), or
/// nothing: nil says that the dialect has no message for this.
///
/// Where messages depend on those before, each connection has a `Conversation`. It takes over all that concerns one
/// connection; the dialect itself then encodes only publications for shared lanes, and the defaults below do for the
/// rest.
package protocol ClientDialect: Sendable {
    var traits: DialectTraits { get }
    var selection: DialectSelection { get }

    /// Appends the commands of one message of a client, in order.
    /// - Throws: for bytes that are no message. Commands before the malformed one may have been appended.
    func decode(_ message: UnsafeRawBufferPointer, into commands: inout [Command]) throws(MalformedFrame)

    func encode(_ reply: Reply, into writer: inout ByteWriter) -> MessageKind?

    func encode(_ push: Push, into writer: inout ByteWriter) -> MessageKind?

    /// The same bytes for every subscriber of a lane.
    ///
    /// - Parameters:
    ///   - epoch: that of the publication's stream; whether it is sent is the dialect's to decide.
    ///   - form: which of its forms the dialect is to write, as `Conversation.lane` named it; 0 without a conversation.
    func encodePublication(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, form: UInt8,
        into writer: inout ByteWriter
    ) -> MessageKind

    /// A message to the connection itself, in no channel.
    ///
    /// - Parameter isJSON: whether `data` is known to be JSON.
    func encodeMessage(_ data: [UInt8], isJSON: Bool, into writer: inout ByteWriter) -> MessageKind?

    /// That the connection was too slow for some publications of a channel.
    func encodeDropped(_ count: Int, in channel: ChannelName, into writer: inout ByteWriter) -> MessageKind?

    func encodePing(into writer: inout ByteWriter) -> MessageKind?

    /// - Parameter query: of the request that opened the connection.
    func pings(over framing: TransportFraming, query: UnsafeRawBufferPointer) -> PingStyle

    /// How the connection learns of its end; a last message is appended.
    func end(_ reason: Disconnect, over framing: TransportFraming, into writer: inout ByteWriter) -> EndStyle

    /// Begins the conversation with one client.
    ///
    /// Called only if the dialect has conversations.
    /// - Throws: the HTTP answer of a request that asks for what cannot be.
    func converse(_ request: ConversationRequest) throws(ConversationRefusal) -> (any Conversation)?
}

extension ClientDialect {
    package func decode(
        _ message: UnsafeRawBufferPointer, into commands: inout [Command]
    ) throws(MalformedFrame) {
        throw MalformedFrame(reason: "this dialect has no messages from clients outside a conversation")
    }

    package func encode(_ reply: Reply, into writer: inout ByteWriter) -> MessageKind? { nil }

    package func encode(_ push: Push, into writer: inout ByteWriter) -> MessageKind? { nil }

    package func encodeMessage(_ data: [UInt8], isJSON: Bool, into writer: inout ByteWriter) -> MessageKind? { nil }

    package func encodeDropped(
        _ count: Int, in channel: ChannelName, into writer: inout ByteWriter
    ) -> MessageKind? { nil }

    package func encodePing(into writer: inout ByteWriter) -> MessageKind? { nil }

    /// By a close frame, elsewhere without a word.
    package func end(
        _ reason: Disconnect, over framing: TransportFraming, into writer: inout ByteWriter
    ) -> EndStyle {
        framing == .frame ? .closing(reason) : .silence
    }

    package func converse(_ request: ConversationRequest) throws(ConversationRefusal) -> (any Conversation)? { nil }
}

extension EndStyle {
    /// The close frame that has the code of the disconnect itself.
    package static func closing(_ reason: Disconnect) -> EndStyle {
        .closeFrame(code: UInt16(truncatingIfNeeded: reason.code), reason: reason.reason)
    }
}
