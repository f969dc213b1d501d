package import PharosBytes
package import PharosDomain

/// One thing that a conversation wants done.
package enum ConversationStep: Equatable, Sendable {
    /// Sends one message, the next `length` bytes of the output.
    ///
    /// The transport's framing is still to be put around it.
    case send(length: Int, MessageKind)
    /// Begins the answer of the request with status 200 and these field lines.
    ///
    /// Messages that follow are its body.
    case begin(fields: [UInt8])
    /// Answers the request with an error. The connection's session is over.
    case refuse(status: Int, message: String, fields: [UInt8])
    /// Has the session carry out commands. Answers may come before this step is done.
    case commands([Command])
    /// The messages sent before are one answer, however large.
    ///
    /// They do not count as output that the client is slow to take.
    case allowOutput
    /// Ends the connection as the server does; `Conversation.ended` follows.
    case disconnect(Disconnect)
    /// The connection ends. A last message is the next `length` bytes of the output.
    case finish(EndStyle, length: Int)
}

/// The steps that a conversation wants done, and the bytes of its messages.
///
/// Reused, so that nothing allocates for a message.
///
/// Carrying out `ConversationStep.commands` may lead to further calls of the conversation: they need an output of
/// their own.
package struct ConversationOutput: ~Copyable {
    /// Messages, one after the other.
    ///
    /// Conversations append to it and then say where a message ends.
    package var bytes: ByteWriter
    package private(set) var steps: [ConversationStep] = []
    /// Where the message begins that is being written.
    private var start = 0

    package init() { bytes = ByteWriter(capacity: 1_024) }

    package var isEmpty: Bool { steps.isEmpty }

    /// Sends the bytes that were written since the last message as one message.
    package mutating func endMessage(_ kind: MessageKind) {
        steps.append(.send(length: bytes.count - start, kind))
        start = bytes.count
    }

    /// The connection ends; what was written since the last message is its last.
    package mutating func finish(_ style: EndStyle) {
        steps.append(.finish(style, length: bytes.count - start))
        start = bytes.count
    }

    package mutating func append(_ step: ConversationStep) { steps.append(step) }

    package mutating func removeAll() {
        bytes.removeAll()
        steps.removeAll(keepingCapacity: true)
        start = 0
    }
}
