import PharosBytes
package import PharosDomain
package import PharosProtocol

/// The server's side of one connection, with or without a conversation.
///
/// It does what a service does with both, without a transport: tests read what would be sent.
package final class DialectSpeaker {
    /// One output to the connection's client, its request or its session.
    package enum Said: Equatable, Sendable {
        case message([UInt8])
        case begun(fields: [UInt8])
        case refused(status: Int, message: String, fields: [UInt8])
        case commands([Command])
        case allowedOutput
        case disconnects(Disconnect)
        /// With the last message; empty: none.
        case ended(EndStyle, [UInt8])
    }

    package let dialect: any ClientDialect
    package let conversation: (any Conversation)?
    private let framing: TransportFraming
    private var output = ConversationOutput()

    package init(
        _ dialect: any ClientDialect, _ request: ConversationRequest = ConversationRequest()
    ) throws(ConversationRefusal) {
        self.dialect = dialect
        framing = request.framing
        conversation = try dialect.converse(request)
    }

    package func open(as client: ClientName) -> [Said] { talk { $0.opened(as: client, into: &$1) } }

    package func hear(_ message: [UInt8]) throws(MalformedFrame) -> [Said] {
        guard let conversation else {
            var commands: [Command] = []
            try message.withUnsafeBufferPointer { bytes throws(MalformedFrame) in
                try dialect.decode(UnsafeRawBufferPointer(bytes), into: &commands)
            }
            return [.commands(commands)]
        }
        try message.withUnsafeBufferPointer { bytes throws(MalformedFrame) in
            try conversation.received(UnsafeRawBufferPointer(bytes), into: &output)
        }
        return takeSaid()
    }

    package func say(_ reply: Reply) -> [Said] {
        talk {
            $0.replied(reply, into: &$1)
        } encoding: {
            $0.encode(reply, into: &$1)
        }
    }

    package func say(_ push: Push) -> [Said] {
        talk {
            $0.pushed(push, into: &$1)
        } encoding: {
            $0.encode(push, into: &$1)
        }
    }

    /// A publication that does not reach the connection in a shared lane.
    package func publish(_ publication: Publication, in channel: ChannelName, epoch: Epoch = "") -> [Said] {
        talk {
            $0.published(publication, in: channel, epoch: epoch, into: &$1)
        } encoding: {
            $0.encodePublication(publication, in: channel, epoch: epoch, form: 0, into: &$1)
        }
    }

    /// A message in no channel; nil: it cannot be carried.
    package func message(_ data: [UInt8], isJSON: Bool) -> [Said]? {
        var isCarried = true
        let said = talk {
            isCarried = $0.message(data, isJSON: isJSON, into: &$1)
        } encoding: {
            $0.encodeMessage(data, isJSON: isJSON, into: &$1)
        }
        return isCarried && (conversation != nil || !said.isEmpty) ? said : nil
    }

    package func drop(_ count: Int, in channel: ChannelName) -> [Said] {
        talk {
            $0.dropped(count, in: channel, into: &$1)
        } encoding: {
            $0.encodeDropped(count, in: channel, into: &$1)
        }
    }

    package func ping() -> [Said] {
        talk {
            $0.pinged(into: &$1)
        } encoding: {
            $0.encodePing(into: &$1)
        }
    }

    package func end(_ reason: Disconnect) -> [Said] {
        guard conversation == nil else { return talk { $0.ended(reason, into: &$1) } }
        var writer = ByteWriter()
        let style = dialect.end(reason, over: framing, into: &writer)
        return [.ended(style, writer.array)]
    }

    private func talk(
        _ body: (any Conversation, inout ConversationOutput) -> Void,
        encoding encode: (any ClientDialect, inout ByteWriter) -> MessageKind? = { _, _ in nil }
    ) -> [Said] {
        guard let conversation else {
            var writer = ByteWriter()
            return encode(dialect, &writer) == nil ? [] : [.message(writer.array)]
        }
        body(conversation, &output)
        return takeSaid()
    }

    private func takeSaid() -> [Said] {
        let bytes = output.bytes.array
        var start = 0
        func take(_ length: Int) -> [UInt8] {
            defer { start += length }
            return Array(bytes[start..<start + length])
        }
        let said = output.steps.map { step -> Said in
            switch step {
            case .send(let length, _): .message(take(length))
            case .begin(let fields): .begun(fields: fields)
            case .refuse(let status, let message, let fields):
                .refused(status: status, message: message, fields: fields)
            case .commands(let commands): .commands(commands)
            case .allowOutput: .allowedOutput
            case .disconnect(let reason): .disconnects(reason)
            case .finish(let style, let length): .ended(style, take(length))
            }
        }
        precondition(start == bytes.count, "a conversation wrote bytes that belong to no message")
        output.removeAll()
        return said
    }
}

extension [DialectSpeaker.Said] {
    /// The messages among what was said.
    package var messages: [[UInt8]] {
        compactMap { said -> [UInt8]? in
            if case .message(let bytes) = said { bytes } else { nil }
        }
    }

    /// The commands among what was said.
    package var commands: [Command] {
        flatMap { said -> [Command] in
            if case .commands(let commands) = said { commands } else { [] }
        }
    }
}
