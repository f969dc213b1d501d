package import PharosBytes
package import PharosDomain

/// One channel's part of a stateless poll's answer.
package struct PollChannelAnswer: Equatable, Sendable {
    package var channel: ChannelName
    /// The position after the last publication of this answer.
    ///
    /// Without publications it is the position that was asked for, or the top.
    package var position: StreamPosition
    /// Whether all publications after the position asked for are here.
    ///
    /// False if something between it and the first publication is gone; nil: none was asked for, so nothing is said
    /// about earlier ones.
    package var recovered: Bool?
    /// The oldest offset still kept; only where something is gone.
    package var first: UInt64?
    package var publications: [Publication]

    package init(
        channel: ChannelName, position: StreamPosition, recovered: Bool?, first: UInt64? = nil,
        publications: [Publication] = []
    ) {
        self.channel = channel
        self.position = position
        self.recovered = recovered
        self.first = first
        self.publications = publications
    }
}

/// Writes the answer of the stateless poll.
///
/// `{"cursor":"…","channels":{"<channel>":{"epoch":"…","offset":n,"recovered":true,"publications":[…]}}}`, where a
/// publication has the fields that it has in a history, and `b64data` in place of `data` if its payload is not JSON.
package enum PollAnswerEncoder {
    /// Appends the answer with the cursor of all positions in it.
    package static func encode(_ channels: [PollChannelAnswer], into writer: inout ByteWriter) {
        writer.beginJSONObject()
        writer.jsonName("cursor")
        writer.append(UInt8(ascii: "\""))
        PositionCursor.encode(channels.map { ($0.channel, $0.position) }, into: &writer)
        writer.append(UInt8(ascii: "\""))
        writer.beginJSONObject("channels")
        for answer in channels {
            writer.jsonKey(answer.channel)
            writer.beginJSONObject()
            encodeFields(answer, into: &writer)
            writer.endJSONObject()
        }
        writer.endJSONObject()
        writer.endJSONObject()
    }

    private static func encodeFields(_ answer: PollChannelAnswer, into writer: inout ByteWriter) {
        writer.jsonField("epoch", string: answer.position.epoch)
        writer.jsonName("offset")
        writer.appendDecimal(answer.position.offset)
        if let recovered = answer.recovered {
            writer.jsonName("recovered")
            writer.jsonLiteral(recovered ? "true" : "false")
        }
        writer.jsonField("first", unsigned: answer.first ?? 0)
        writer.beginJSONArray("publications")
        for publication in answer.publications {
            writer.nextJSONElement()
            writer.beginJSONObject()
            encodeFields(publication, into: &writer)
            writer.endJSONObject()
        }
        writer.endJSONArray()
    }

    private static func encodeFields(_ publication: Publication, into writer: inout ByteWriter) {
        writer.jsonField("offset", unsigned: publication.offset)
        // The flag is false as well where only the information beside the payload is binary.
        if publication.isJSON || publication.data.withUnsafeBytes({ JSONScanner.isValid($0) }) {
            writer.jsonField("data", raw: publication.data)
        } else {
            writer.jsonName("b64data")
            writer.appendJSONString(Base64.encode(publication.data))
        }
        if let info = publication.info { writer.jsonField("info", client: info) }
        writer.jsonField("tags", map: publication.tags)
        writer.jsonField("time", signed: publication.timeMs)
    }
}
