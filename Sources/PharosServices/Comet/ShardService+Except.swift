import PharosDomain
import PharosEdge

/// Publications that name a client that is not to get them.
extension ShardService {
    /// Takes the client's subscription, if it is one of this shard's, out of what is published next.
    ///
    /// One whose subscribe is not answered yet gets nothing live anyway.
    mutating func stepAside(
        _ client: ClientID, _ place: Int, _ edge: inout Edge
    ) -> (id: ConnectionID, binding: UInt32)? {
        guard let id = self.place(of: client), sessions[id].session.client == client,
            let subscription = sessions[id].session.subscription(of: channels[place].name)
        else { return nil }
        edge.stepAside(subscription.binding)
        return (id, subscription.binding)
    }

    /// The others have got the publication: for this client it counts as heard of.
    ///
    /// Its position moves on with that of the channel, so nothing looks lost. A difference would meet a base that it has not
    /// got: its next publication must be whole.
    mutating func passedOver(
        _ id: ConnectionID, _ publication: Publication, _ epoch: Epoch, _ place: Int, _ edge: inout Edge
    ) {
        let name = channels[place].name
        if publication.offset > 0, events[at: id.slot]?.positions[name] != nil {
            events[at: id.slot]?.stand(name, at: StreamPosition(offset: publication.offset, epoch: epoch))
        }
        guard let subscription = sessions[id].session.subscription(of: name), subscription.flags.contains(.usesDelta)
        else { return }
        freshDeltas[id.slot, default: []].insert(name)
        channels[place].hasFreshDeltas = true
        let lane = Lane(
            wire: sessions[id].wire, receivesJoinLeave: subscription.flags.contains(.receivesJoinLeave), delta: .fresh)
        edge.unsubscribe(subscription.binding)
        let node = edge.subscribe(id, to: channels[place].topic, lane: lane.number)
        sessions[id].session.bind(generation: subscription.generation, to: node)
    }
}
