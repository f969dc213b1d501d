import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Publications as differences from the one before (fossil delta), for subscribers that asked for that.
extension ShardService {
    /// A publication for one lane of delta readers. Those who have nothing yet get it whole.
    mutating func publishDelta(
        _ publication: Publication, _ epoch: Epoch, _ place: Int, _ lane: Lane, _ edge: inout Edge
    ) {
        let base = lane.delta == .following && publication.allowsDelta ? channels[place].deltaBase : nil
        let sent = DeltaWriter.publication(publication, after: base, lane.wire.format)
        encode(sent, epoch, channel: channels[place].name, lane.wire.format)
        publishScratch(channels[place].topic, lane, (.close, 0), &edge)
    }

    /// Those who have got a whole publication can follow from now on.
    mutating func followDeltas(_ place: Int, _ edge: inout Edge) {
        let (name, topic) = (channels[place].name, channels[place].topic)
        for id in subscribers(of: topic, edge) where sessions.contains(id) {
            guard let subscription = sessions[id].session.subscription(of: name),
                subscription.flags.contains(.usesDelta), freshDeltas[id.slot]?.remove(name) != nil
            else { continue }
            let lane = Lane(
                wire: sessions[id].wire, receivesJoinLeave: subscription.flags.contains(.receivesJoinLeave),
                delta: .following)
            edge.unsubscribe(subscription.binding)
            let node = edge.subscribe(id, to: topic, lane: lane.number)
            sessions[id].session.bind(generation: subscription.generation, to: node)
        }
        channels[place].hasFreshDeltas = false
    }
}

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
