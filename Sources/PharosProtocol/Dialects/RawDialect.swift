package import PharosBytes
package import PharosDomain

/// Connections without a protocol of ours, which hear publications as they are.
///
/// The origin speaks with such a connection; here are only the forms in which it reads channels.
package struct RawDialect: ClientDialect {
    package enum Form: UInt8, Sendable, CaseIterable {
        /// The payload alone.
        case payload
        /// `{"channel":…,"data":…}`
        case named
    }

    package init() {}

    package var traits: DialectTraits {
        var traits = DialectTraits()
        traits.separator = .none
        traits.isSingleLine = false
        traits.payloadsAreJSON = false
        traits.hasClientCommands = false
        traits.transportName = "raw"
        return traits
    }

    package var selection: DialectSelection { DialectSelection() }

    package func encodePublication(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, form: UInt8,
        into writer: inout ByteWriter
    ) -> MessageKind {
        let isText = RawPublicationEncoder.encode(
            publication, channel: channel, namesChannel: form == Form.named.rawValue, into: &writer)
        return isText ? .text : .binary
    }

    /// A comment of an event stream (HTML standard, section 9.2.7).
    package func encodePing(into writer: inout ByteWriter) -> MessageKind? {
        EventStreamEncoder.comment(into: &writer)
        return .text
    }

    package func pings(over framing: TransportFraming, query: UnsafeRawBufferPointer) -> PingStyle {
        framing == .frame ? .frame : .comment
    }
}
