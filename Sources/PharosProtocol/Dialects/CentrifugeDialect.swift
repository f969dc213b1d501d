package import PharosBytes
package import PharosDomain

/// The Centrifuge client protocol, version 2, in one of its two encodings.
///
/// Messages do not depend on those before: there is no conversation. Frames hold several messages from clients, as
/// lines of JSON or with the length of each before it; to clients each message is one frame.
package struct CentrifugeDialect: ClientDialect {
    package let encoding: WireFormat

    package init(_ encoding: WireFormat) { self.encoding = encoding }

    package var traits: DialectTraits {
        var traits = DialectTraits()
        if encoding == .protobuf {
            traits.separator = .none
            traits.isSingleLine = false
            traits.payloadsAreJSON = false
            traits.contentType = "application/octet-stream"
        }
        traits.delta = encoding == .json ? .jsonText : .bytes
        return traits
    }

    package var selection: DialectSelection {
        var selection = DialectSelection()
        switch encoding {
        case .json: selection.subprotocols = ["centrifuge-json"]
        case .protobuf:
            selection.subprotocols = ["centrifuge-protobuf"]
            selection.flags = [QueryFlag("cf_protocol", "protobuf"), QueryFlag("format", "protobuf")]
            selection.contentType = "application/octet-stream"
        }
        return selection
    }

    private var kind: MessageKind { encoding == .json ? .text : .binary }

    @inline(__always)
    package func decode(
        _ message: UnsafeRawBufferPointer, into commands: inout [Command]
    ) throws(MalformedFrame) {
        switch encoding {
        case .json: try JSONCommandDecoder.decode(message, into: &commands)
        case .protobuf: try ProtobufCommandDecoder.decode(message, into: &commands)
        }
    }

    package func encode(_ reply: Reply, into writer: inout ByteWriter) -> MessageKind? {
        switch encoding {
        case .json: JSONReplyEncoder.encode(reply, into: &writer)
        case .protobuf: ProtobufReplyEncoder.encode(reply, into: &writer)
        }
        return kind
    }

    package func encode(_ push: Push, into writer: inout ByteWriter) -> MessageKind? {
        switch encoding {
        case .json: JSONReplyEncoder.encode(push, into: &writer)
        case .protobuf: ProtobufReplyEncoder.encode(push, into: &writer)
        }
        return kind
    }

    /// The epoch goes only with a stream's first publication.
    ///
    /// It is for those that subscribed while the stream was empty.
    @inline(__always)
    package func encodePublication(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, form: UInt8,
        into writer: inout ByteWriter
    ) -> MessageKind {
        let epoch = publication.offset == 1 ? epoch : ""
        switch encoding {
        case .json: JSONReplyEncoder.encodePublication(channel: channel, publication, epoch: epoch, into: &writer)
        case .protobuf:
            ProtobufReplyEncoder.encodePublication(channel: channel, publication, epoch: epoch, into: &writer)
        }
        return kind
    }

    package func encodeMessage(_ data: [UInt8], isJSON: Bool, into writer: inout ByteWriter) -> MessageKind? {
        encode(Push(channel: "", event: .message(data: data)), into: &writer)
    }

    package func encodeDropped(
        _ count: Int, in channel: ChannelName, into writer: inout ByteWriter
    ) -> MessageKind? {
        let notice = Array("{\"lagging\":{\"dropped\":\(count)}}".utf8)
        return encode(Push(channel: channel, event: .message(data: notice)), into: &writer)
    }

    package func encodePing(into writer: inout ByteWriter) -> MessageKind? {
        switch encoding {
        case .json: JSONReplyEncoder.encodePing(into: &writer)
        case .protobuf: ProtobufReplyEncoder.encodePing(into: &writer)
        }
        return kind
    }

    package func pings(over framing: TransportFraming, query: UnsafeRawBufferPointer) -> PingStyle {
        switch framing {
        case .frame: QueryFlag("cf_ws_frame_ping_pong", "true").isSet(in: query) ? .frame : .message
        case .stream, .event, .message: .message
        case .line: .none
        }
    }

    /// Without a close frame the reason is the last message, a push.
    package func end(
        _ reason: Disconnect, over framing: TransportFraming, into writer: inout ByteWriter
    ) -> EndStyle {
        guard framing != .frame else { return .closing(reason) }
        return encode(Push(channel: "", event: .disconnect(reason)), into: &writer).map { .lastMessage($0) } ?? .silence
    }
}
