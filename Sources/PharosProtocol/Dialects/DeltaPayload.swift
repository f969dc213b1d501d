import PharosBytes
package import PharosDomain

/// How a dialect carries publications that are differences (fossil delta).
package enum DeltaPayload: UInt8, Hashable, Sendable {
    /// Whole payloads and differences are the text of a JSON string.
    ///
    /// A payload that is no JSON is base64 first.
    case jsonText
    /// Payloads are bytes, and so are differences.
    case bytes

    /// The form of a payload from which a delta reader computes the next one.
    private func text(_ base: DeltaBase) -> [UInt8] {
        guard self == .jsonText, !base.isJSON else { return base.data }
        var text = ByteWriter()
        _ = text.appendJSONString(Array(Base64.encode(base.data).utf8))
        return text.array
    }

    /// A publication in the form in which a delta reader gets it.
    ///
    /// - Parameter base: the payload before; nil: the publication goes whole.
    package func publication(_ publication: Publication, after base: DeltaBase?) -> Publication {
        var sent = publication
        sent.data = text(DeltaBase(publication))
        if let base {
            var delta = ByteWriter()
            FossilDelta.create(from: text(base), to: sent.data, into: &delta)
            if delta.count < sent.data.count, self == .bytes || DeltaPayload.isText(delta.array) {
                sent.data = delta.array
                sent.isDelta = true
            }
        }
        guard self == .jsonText else { return sent }
        sent.data = DeltaPayload.jsonString(sent.data)
        (sent.isJSON, sent.isBase64) = (true, !publication.isJSON)
        return sent
    }

    /// A recovered list, each one after the first as a difference from its predecessor.
    package func publications(_ publications: [Publication]) -> [Publication] {
        var base: DeltaBase?
        return publications.map { publication in
            defer { base = DeltaBase(publication) }
            return self.publication(publication, after: base)
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

/// The payload to which the next difference is applied.
package struct DeltaBase: Sendable {
    fileprivate let data: [UInt8]
    fileprivate let isJSON: Bool

    package init(_ publication: Publication) {
        data = publication.data
        isJSON = publication.isJSON
    }
}
