import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Subscribers that read more slowly than is published.
///
/// Their namespaces decide how the publications are treated, and which messages the subscribers get about it.
extension ShardCore {
    /// The most values of the tag that are distinguished per channel.
    ///
    /// Publications with further values are not conflated.
    private static var conflationLimit: Int { 65_536 }

    /// How a publication is treated where it has to wait.
    mutating func overflow(_ publication: Publication, _ place: Int) -> (policy: OverflowPolicy, key: UInt32) {
        switch channels[place].slowReader {
        case .close: return (.close, 0)
        case .dropOldest: return (.dropOldest, 0)
        case .latest: return (.latest, 0)
        case .conflate:
            guard let value = publication.tags[channels[place].conflationTag].map({ ConflationKey($0) }) else {
                return (.close, 0)
            }
            if let key = channels[place].conflationKeys[value] { return (.close, key) }
            let key = UInt32(channels[place].conflationKeys.count + 1)
            guard key <= ShardCore.conflationLimit else { return (.close, 0) }
            channels[place].conflationKeys[value] = key
            return (.close, key)
        }
    }

    /// Sends a subscriber the number of publications that it will not get.
    mutating func publicationsDropped(
        _ id: ConnectionID, topic: UInt32, dropped: Int, _ edge: inout Edge
    ) {
        guard dropped > 0, sessions.contains(id), let place = channels.index(ofTopic: topic) else { return }
        let channel = channels[place].name
        node.report(
            .publicationsDropped(
                client: sessions[id].session.client.name, user: sessions[id].session.user, channel: channel,
                count: dropped))
        sendDropped(dropped, channel, to: id, &edge)
    }
}
