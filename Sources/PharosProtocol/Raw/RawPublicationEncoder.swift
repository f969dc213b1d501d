package import PharosBytes
package import PharosDomain

/// Writes publications for connections without our protocol.
///
/// They get the data alone, and more only if that is wanted.
package enum RawPublicationEncoder {
    /// Appends one message; whether it is text.
    ///
    /// - Parameter namesChannel: as `{"channel":…,"data":…}`, with `b64data` in place of `data` where that is no JSON.
    package static func encode(
        _ publication: Publication, channel: ChannelName, namesChannel: Bool, into writer: inout ByteWriter
    ) -> Bool {
        guard namesChannel else {
            writer.append(publication.data)
            return publication.isJSON || publication.data.withUnsafeBytes { $0.isUTF8 }
        }
        writer.beginJSONObject()
        writer.jsonName("channel")
        writer.appendJSONString(channel)
        if publication.isJSON {
            writer.jsonName("data")
            writer.append(publication.data)
        } else {
            writer.jsonName("b64data")
            writer.appendJSONString(Base64.encode(publication.data))
        }
        writer.endJSONObject()
        return true
    }

    /// Appends a text as one event without a name (WHATWG HTML, section 9.2.5).
    package static func appendEvent(_ text: UnsafeRawBufferPointer, into writer: inout ByteWriter) {
        writer.appendEventData(text)
        writer.append(UInt8(ascii: "\n"))
    }
}
