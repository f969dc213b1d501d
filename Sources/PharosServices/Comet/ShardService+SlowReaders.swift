import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Subscribers that read more slowly than is published: what their namespaces want done, and what they are told.
extension ShardService {
    /// How a publication is treated where it has to wait.
    func overflow(_ publication: Publication, _ channel: LocalChannel) -> (policy: OverflowPolicy, key: UInt32) {
        switch channel.slowReader {
        case .close: return (.close, 0)
        case .dropOldest: return (.dropOldest, 0)
        case .latest: return (.latest, 0)
        case .conflate:
            guard let value = publication.tags[channel.conflationTag] else { return (.close, 0) }
            var hash: UInt32 = 0x811c_9dc5
            for byte in value.utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
            return (.close, max(hash, 1))
        }
    }

    /// Publications that a subscriber will not get: it is told how many.
    mutating func publicationsDropped(
        _ id: ConnectionID, topic: UInt32, dropped: Int, replaced: Int, _ edge: inout Edge
    ) {
        guard dropped > 0, sessions.contains(id), let place = channels.index(ofTopic: topic) else { return }
        let channel = channels[place].name
        if sessions[id].wire.carrier == .events {
            guard let state = events[id.slot] else { return }
            state.encoder.failure(
                EventStreamFailure(code: "lagging", message: "\(dropped) publications were dropped", topic: channel),
                into: &scratch)
            edge.send(id, .chunk, scratch)
            return scratch.removeAll()
        }
        let notice = Array("{\"lagging\":{\"dropped\":\(dropped)}}".utf8)
        send(Push(channel: channel, event: .message(data: notice)), to: id, &edge)
    }
}
