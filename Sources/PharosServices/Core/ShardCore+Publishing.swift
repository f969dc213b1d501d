import PharosBytes
import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// Sends events of a channel to its subscribers on this shard.
///
/// Each event is encoded once for each lane.
extension ShardCore {
    /// Keeps a publication for the subscriptions whose streams are still being read.
    mutating func keepForReaders(_ publication: Publication, _ place: Int) {
        for waiting in channels[place].waiting where sessions.contains(waiting.connection) {
            sessions[waiting.connection].session.publicationArrived(publication, generation: waiting.generation)
        }
    }

    /// Gives a publication to all live subscribers but one.
    mutating func publish(
        _ publication: Publication, _ epoch: Epoch, except: ClientID?, _ place: Int, _ edge: inout Edge
    ) {
        let (name, topic) = (channels[place].name, channels[place].topic)
        let overflow = overflow(publication, place)
        var away: (id: ConnectionID, binding: UInt32)?
        if let except { away = stepAside(except, place, &edge) }
        for lanePlace in 0..<edge.laneSlots(of: topic) {
            guard let number = edge.lane(of: topic, at: lanePlace) else { continue }
            let lane = lanes[number]
            if lane.hasOwnBytes {
                publishOwn(publication, epoch, except: away?.id, place, lane: number, &edge)
            } else if lane.delta != .none {
                publishDelta(publication, epoch, place, number, lane, &edge)
            } else {
                let kind = dialects.encodePublication(publication, in: name, epoch: epoch, for: lane, into: &scratch)
                publishScratch(topic, number, lane, kind, overflow, &edge)
            }
        }
        if let away { edge.stepBack(away.binding) }
        if channels[place].deltaSubscribers > 0 {
            channels[place].deltaBase = DeltaBase(publication)
            if channels[place].hasFreshDeltas { followDeltas(place, &edge) }
        }
        if let away { passedOver(away.id, publication, epoch, place, &edge) }
    }

    /// Tells the subscribers that asked for it of a member that came or went.
    mutating func publish(_ change: MemberChange, _ place: Int, _ edge: inout Edge) {
        let topic = channels[place].topic
        let event: Push.Event =
            switch change {
            case .join(let info): .join(info)
            case .leave(let info): .leave(info)
            }
        let push = Push(channel: channels[place].name, event: event)
        for lanePlace in 0..<edge.laneSlots(of: topic) {
            guard let number = edge.lane(of: topic, at: lanePlace) else { continue }
            let lane = lanes[number]
            if lane.hasOwnBytes {
                publishOwn(push, place, lane: number, &edge)
            } else if lane.receivesJoinLeave, let kind = dialects.encode(push, lane.dialect, into: &scratch) {
                publishScratch(topic, number, lane, kind, (.close, 0), &edge)
            }
        }
    }

    private mutating func publishOwn(_ push: Push, _ place: Int, lane number: UInt16, _ edge: inout Edge) {
        for id in subscribers(of: channels[place].topic, lane: number, edge) where sessions.contains(id) {
            guard let subscription = sessions[id].session.subscription(of: push.channel),
                subscription.flags.contains(.receivesJoinLeave)
            else { continue }
            send(push, to: id, &edge)
        }
    }

    // MARK: Deltas

    /// Sends a publication to one lane of delta readers.
    ///
    /// Readers that have no publication yet get it whole.
    mutating func publishDelta(
        _ publication: Publication, _ epoch: Epoch, _ place: Int, _ number: UInt16, _ lane: LaneKey,
        _ edge: inout Edge
    ) {
        let base = lane.delta == .following && publication.allowsDelta ? channels[place].deltaBase : nil
        let sent = dialects.traits(lane.dialect).delta?.publication(publication, after: base) ?? publication
        let kind = dialects.encodePublication(
            sent, in: channels[place].name, epoch: epoch, for: lane, into: &scratch)
        publishScratch(channels[place].topic, number, lane, kind, (.close, 0), &edge)
    }

    /// Where a subscription reads its channel, if its connection has no conversation.
    func deltaLane(_ id: ConnectionID, _ flags: Subscription.Flags, _ delta: LaneKey.Delta) -> LaneKey {
        var lane = LaneKey(sessions[id].wire)
        lane.receivesJoinLeave = flags.contains(.receivesJoinLeave)
        lane.delta = delta
        return lane
    }

    /// Those who have got a whole publication can follow from now on.
    mutating func followDeltas(_ place: Int, _ edge: inout Edge) {
        let (name, topic) = (channels[place].name, channels[place].topic)
        for id in subscribers(of: topic, edge) where sessions.contains(id) {
            guard let subscription = sessions[id].session.subscription(of: name),
                subscription.flags.contains(.usesDelta), freshDeltas[id.slot]?.remove(name) != nil
            else { continue }
            rebind(id, subscription, place, to: deltaLane(id, subscription.flags, .following), &edge)
        }
        channels[place].hasFreshDeltas = false
    }

    // MARK: Publishers that do not hear themselves

    /// Takes the client's subscription out of what is published next.
    ///
    /// It does so if the subscription is one of this shard's. One whose subscribe is not answered yet gets nothing live
    /// anyway.
    mutating func stepAside(
        _ client: ClientID, _ place: Int, _ edge: inout Edge
    ) -> (id: ConnectionID, binding: UInt32)? {
        guard let id = connection(named: client), sessions[id].session.client == client,
            let subscription = sessions[id].session.subscription(of: channels[place].name)
        else { return nil }
        edge.stepAside(subscription.binding)
        return (id, subscription.binding)
    }

    /// The others have got the publication: for this client it counts as heard of.
    ///
    /// Its position moves on with that of the channel, so nothing looks lost. A difference would meet a base that it
    /// has not got: its next publication must be whole.
    mutating func passedOver(
        _ id: ConnectionID, _ publication: Publication, _ epoch: Epoch, _ place: Int, _ edge: inout Edge
    ) {
        let name = channels[place].name
        conversations[at: id.slot]?.passedOver(publication, in: name, epoch: epoch)
        guard let subscription = sessions[id].session.subscription(of: name), subscription.flags.contains(.usesDelta)
        else { return }
        freshDeltas[id.slot, default: []].insert(name)
        channels[place].hasFreshDeltas = true
        rebind(id, subscription, place, to: deltaLane(id, subscription.flags, .fresh), &edge)
    }
}
