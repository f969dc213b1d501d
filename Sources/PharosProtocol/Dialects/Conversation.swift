package import PharosDomain

/// How one connection is spoken to whose messages depend on those before.
///
/// A state machine without IO: each call is something that has happened, and appends to `output` the steps to be
/// done. After a refusal or an end, its own or by `ended`, it has nothing more to say. One shard's; only connections
/// whose dialect has conversations pay for one.
package protocol Conversation: AnyObject {
    /// The connection is there, and nothing has been sent.
    func opened(as client: ClientName, into output: inout ConversationOutput)

    /// One message of the client.
    func received(
        _ message: UnsafeRawBufferPointer, into output: inout ConversationOutput
    ) throws(MalformedFrame)

    /// The client may connect; before `replied` says so.
    ///
    /// - Parameter withState: whether it goes on with what it left behind under its key.
    func continued(withState: Bool)

    func replied(_ reply: Reply, into output: inout ConversationOutput)

    func pushed(_ push: Push, into output: inout ConversationOutput)

    /// Where the publications of a channel come from.
    ///
    /// Asked each time that a subscription becomes live.
    ///
    /// - Parameter isOnly: the connection has no other subscription.
    func lane(for channel: ChannelName, isOnly: Bool) -> LaneForm

    /// The connection stands here in a channel that it read in a shared lane.
    func stands(in channel: ChannelName, at position: StreamPosition)

    /// A publication in a channel that the connection does not read in a shared lane.
    func published(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, into output: inout ConversationOutput)

    /// A publication that the connection is not to get: it counts as heard.
    func passedOver(_ publication: Publication, in channel: ChannelName, epoch: Epoch)

    /// A message to the connection itself, in no channel.
    ///
    /// - Returns: false: the dialect cannot carry it.
    func message(_ data: [UInt8], isJSON: Bool, into output: inout ConversationOutput) -> Bool

    /// The connection was too slow for some publications of a channel.
    func dropped(_ count: Int, in channel: ChannelName, into output: inout ConversationOutput)

    /// It is time to ask whether the client is there.
    func pinged(into output: inout ConversationOutput)

    /// The server ends the connection.
    func ended(_ reason: Disconnect, into output: inout ConversationOutput)
}

/// For dialects without shared lanes, and for what a dialect has no message for.
extension Conversation {
    package func continued(withState: Bool) {}

    package func lane(for channel: ChannelName, isOnly: Bool) -> LaneForm { .own(movesOthers: false) }

    package func stands(in channel: ChannelName, at position: StreamPosition) {}

    package func passedOver(_ publication: Publication, in channel: ChannelName, epoch: Epoch) {}

    package func message(_ data: [UInt8], isJSON: Bool, into output: inout ConversationOutput) -> Bool { false }

    package func dropped(_ count: Int, in channel: ChannelName, into output: inout ConversationOutput) {}
}

/// Which bytes a subscriber gets of a channel's publications.
package enum LaneForm: Equatable, Sendable {
    /// Those of `ClientDialect.encodePublication`, with all others in the lane.
    case shared(form: UInt8)
    /// Those of `Conversation.published`.
    ///
    /// - Parameter movesOthers: channels that the connection reads in shared lanes become its own as well; for each
    ///   of them
    ///   `stands` is to be called.
    case own(movesOthers: Bool)
}

/// The request that opens a conversation.
///
/// Pointers are valid during the call only.
package struct ConversationRequest {
    package var query: UnsafeRawBufferPointer
    package var fields: RequestFields
    package var framing = TransportFraming.stream
    /// Whether the client's identity and its channels are decided already.
    ///
    /// They have then been decided without the conversation.
    package var isKnown = false
    /// Bytes for a cursor in a request that is otherwise like this one.
    ///
    /// Those of the cursor that it has are not counted.
    package var cursorSpace = Int.max / 4
    /// How long the client's state outlives its connection, if it has a key.
    package var sessionTTLMs: Int64 = 0
    /// Seconds between pings; 0 none.
    package var pingSeconds: UInt32 = 0
    /// Field lines that the head of the answer is to have, each with its line end.
    package var answerFields: [UInt8] = []

    package init(
        query: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        fields: RequestFields = RequestFields()
    ) {
        self.query = query
        self.fields = fields
    }
}

/// The HTTP answer to a request for a conversation that cannot begin.
package struct ConversationRefusal: Error, Equatable, Sendable {
    package let status: Int
    package let message: String

    package init(status: Int, message: String) {
        self.status = status
        self.message = message
    }

    /// The request has no room for the cursor that it would need to resume.
    package static let addressTooLong = ConversationRefusal(
        status: 431,
        message: "the address leaves no room for the positions of so many channels (edge.head_size_limit)")
}
