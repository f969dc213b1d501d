import PharosBytes
import PharosDomain
import PharosProtocol

/// A payload from which the next one may be told as a difference.
struct DeltaBase {
    private let data: [UInt8]
    private let isJSON: Bool

    init(_ publication: Publication) {
        data = publication.data
        isJSON = publication.isJSON
    }

    /// What readers of a format have of it: in JSON always a JSON text, of base64 where the payload itself is none.
    func text(_ format: WireFormat) -> [UInt8] {
        guard format == .json, !isJSON else { return data }
        var text = ByteWriter()
        _ = text.appendJSONString(Array(Base64.encode(data).utf8))
        return text.array
    }
}

/// The form in which a delta reader gets publications.
enum DeltaWriter {
    /// - Parameter base: the payload before; nil: the publication goes whole.
    static func publication(_ publication: Publication, after base: DeltaBase?, _ format: WireFormat) -> Publication {
        var sent = publication
        sent.data = DeltaBase(publication).text(format)
        if let base {
            var delta = ByteWriter()
            FossilDelta.create(from: base.text(format), to: sent.data, into: &delta)
            if delta.count < sent.data.count, format == .protobuf || isText(delta.array) {
                sent.data = delta.array
                sent.isDelta = true
            }
        }
        guard format == .json else { return sent }
        // For JSON clients whole payloads and differences alike are the text of a JSON string.
        sent.data = jsonString(sent.data)
        (sent.isJSON, sent.isBase64) = (true, !publication.isJSON)
        return sent
    }

    /// A recovered list: the first one whole, each following one as a difference from its predecessor.
    static func publications(_ publications: [Publication], _ format: WireFormat) -> [Publication] {
        var base: DeltaBase?
        return publications.map { publication in
            defer { base = DeltaBase(publication) }
            return self.publication(publication, after: base, format)
        }
    }

    private static func isText(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    private static func jsonString(_ bytes: [UInt8]) -> [UInt8] {
        var text = ByteWriter()
        // A JSON text is UTF-8, and so is every difference that is sent to readers of JSON.
        _ = text.appendJSONString(bytes)
        return text.array
    }
}
