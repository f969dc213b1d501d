package import PharosBytes
package import PharosDomain

/// Publications as server-sent events for any `EventSource`.
///
/// Follows the HTML standard, section 9.2.
/// The client says all that it wants in its request, so commands are made from that, and errors before the stream
/// begins are HTTP statuses: an `EventSource` sees nothing else. Bytes are event streams already, in HTTP answers
/// that do not end.
package struct EventsDialect: ClientDialect {
    package init() {}

    package var traits: DialectTraits {
        var traits = DialectTraits()
        traits.separator = .none
        traits.isSingleLine = false
        traits.hasClientCommands = false
        traits.hasConversations = true
        traits.resumesByReconnecting = true
        traits.keyParameter = "id"
        traits.contentType = "text/event-stream"
        traits.transportName = "events"
        return traits
    }

    package var selection: DialectSelection { DialectSelection() }

    /// With an id that holds the position in this channel alone.
    ///
    /// Shared lanes are for streams of one channel.
    ///
    /// - Parameter form: of an `EventStreamForm`.
    package func encodePublication(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, form: UInt8,
        into writer: inout ByteWriter
    ) -> MessageKind {
        guard let form = EventStreamForm(rawValue: form) else { preconditionFailure("no event stream has this form") }
        var id = ""
        if publication.offset > 0 {
            id = PositionCursor.encode([(channel, StreamPosition(offset: publication.offset, epoch: epoch))])
        }
        EventsDialect.append(publication, in: channel, id: id, EventStreamEncoder(form), into: &writer)
        return .text
    }

    /// Appends the event of one publication.
    ///
    /// One that the form cannot carry becomes an error event.
    static func append(
        _ publication: Publication, in channel: ChannelName, id: String, _ encoder: EventStreamEncoder,
        into writer: inout ByteWriter
    ) {
        do throws(EventStreamError) {
            try encoder.publication(
                channel: channel, publication.data, isJSON: publication.isJSON, id: id, into: &writer)
        } catch {
            let message =
                switch error {
                case .channelHasLineBreak: "the channel's name has a line break"
                case .payloadHasCarriageReturn: "a publication has a carriage return, which this form cannot carry"
                case .payloadIsNotText: "a publication is no text"
                }
            encoder.failure(
                EventStreamFailure(code: "not-representable", message: message, topic: channel), id: id,
                into: &writer)
        }
    }

    package func encodePing(into writer: inout ByteWriter) -> MessageKind? {
        EventStreamEncoder.comment(into: &writer)
        return .text
    }

    package func pings(over framing: TransportFraming, query: UnsafeRawBufferPointer) -> PingStyle { .comment }

    package func converse(_ request: ConversationRequest) throws(ConversationRefusal) -> (any Conversation)? {
        try EventsConversation(request)
    }
}
