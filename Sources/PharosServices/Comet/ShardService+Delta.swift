import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Publications as differences from the one before (fossil delta), for subscribers that asked for that.
extension ShardService {
    /// A publication for one lane of delta readers. Those who have nothing yet get it whole.
    mutating func publishDelta(
        _ publication: Publication, _ epoch: String, _ place: Int, _ lane: Lane, _ edge: inout Edge
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

/// The form in which a delta reader gets publications.
enum DeltaWriter {
    /// - Parameter base: the payload before; nil: the publication goes whole.
    static func publication(_ publication: Publication, after base: [UInt8]?, _ format: WireFormat) -> Publication {
        var sent = publication
        if let base {
            var delta = ByteWriter()
            FossilDelta.create(from: base, to: publication.data, into: &delta)
            if delta.count < publication.data.count, format == .protobuf || isText(delta.array) {
                sent.data = delta.array
                sent.isDelta = true
            }
        }
        // For JSON clients both are the text of a JSON string.
        if format == .json { sent.data = jsonString(sent.data) }
        return sent
    }

    /// A recovered list: the first one whole, each following one as a difference from its predecessor.
    static func publications(_ publications: [Publication], _ format: WireFormat) -> [Publication] {
        var base: [UInt8]?
        return publications.map { publication in
            defer { base = publication.data }
            return self.publication(publication, after: base, format)
        }
    }

    private static func isText(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

    private static func jsonString(_ bytes: [UInt8]) -> [UInt8] {
        var text = ByteWriter()
        // Only publications that are JSON, and so UTF-8, reach JSON clients.
        _ = text.appendJSONString(bytes)
        return text.array
    }
}
