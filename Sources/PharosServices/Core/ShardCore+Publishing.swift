import PharosBytes
import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// From an event of a channel to its subscribers on this shard: encoded once for each lane.
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
        // Only the first publication of a stream brings its epoch, for those that subscribed while it was empty.
        let sentEpoch = publication.offset == 1 ? epoch : ""
        let overflow = overflow(publication, place)
        var away: (id: ConnectionID, binding: UInt32)?
        if let except { away = stepAside(except, place, &edge) }
        for lanePlace in 0..<edge.laneSlots(of: topic) {
            guard let number = edge.lane(of: topic, at: lanePlace) else { continue }
            let lane = Lane(number: number)
            if lane.wire.carrier.isRaw {
                publishRaw(publication, place, lane, overflow, &edge)
            } else if lane.wire.carrier == .events {
                publishEvent(publication, epoch, place, lane, overflow, &edge)
            } else if lane.delta != .none {
                publishDelta(publication, sentEpoch, place, lane, &edge)
            } else {
                encode(publication, sentEpoch, channel: name, lane.wire.format)
                publishScratch(topic, lane, overflow, &edge)
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
        for lanePlace in 0..<edge.laneSlots(of: topic) {
            guard let number = edge.lane(of: topic, at: lanePlace) else { continue }
            let lane = Lane(number: number)
            guard lane.receivesJoinLeave else { continue }
            encode(Push(channel: channels[place].name, event: event), lane.wire)
            publishScratch(topic, lane, (.close, 0), &edge)
        }
    }

    // MARK: Raw connections

    /// Gives a publication to all raw connections of a lane: framed once, and without a channel's name unless that is wanted.
    mutating func publishRaw(
        _ publication: Publication, _ place: Int, _ lane: Lane, _ overflow: (policy: OverflowPolicy, key: UInt32),
        _ edge: inout Edge
    ) {
        let isText = RawPublicationEncoder.encode(
            publication, channel: channels[place].name, namesChannel: lane.wire.format == .protobuf, into: &scratch)
        let topic = channels[place].topic
        guard lane.wire.carrier == .rawEvents else {
            return publishScratch(topic, lane, framing: isText ? .text : .binary, overflow, &edge)
        }
        if isText {
            scratch.withBytes { RawPublicationEncoder.appendEvent($0, into: &packed) }
        } else {
            let text = Array(Base64.encode(scratch.array).utf8)
            text.withUnsafeBytes { RawPublicationEncoder.appendEvent($0, into: &packed) }
        }
        edge.publish(
            topic, lane: lane.number, lane.wire.streamFraming, packed, policy: overflow.policy, key: overflow.key)
        packed.removeAll()
        scratch.removeAll()
    }

    // MARK: Deltas

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
            let binding = edge.subscribe(id, to: topic, lane: lane.number)
            sessions[id].session.bind(generation: subscription.generation, to: binding)
        }
        channels[place].hasFreshDeltas = false
    }

    // MARK: Publishers that do not hear themselves

    /// Takes the client's subscription, if it is one of this shard's, out of what is published next.
    ///
    /// One whose subscribe is not answered yet gets nothing live anyway.
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
    /// Its position moves on with that of the channel, so nothing looks lost. A difference would meet a base that it has not
    /// got: its next publication must be whole.
    mutating func passedOver(
        _ id: ConnectionID, _ publication: Publication, _ epoch: Epoch, _ place: Int, _ edge: inout Edge
    ) {
        let name = channels[place].name
        if publication.offset > 0, eventStreams[at: id.slot]?.positions[name] != nil {
            eventStreams[at: id.slot]?.stand(name, at: StreamPosition(offset: publication.offset, epoch: epoch))
        }
        guard let subscription = sessions[id].session.subscription(of: name), subscription.flags.contains(.usesDelta)
        else { return }
        freshDeltas[id.slot, default: []].insert(name)
        channels[place].hasFreshDeltas = true
        let lane = Lane(
            wire: sessions[id].wire, receivesJoinLeave: subscription.flags.contains(.receivesJoinLeave), delta: .fresh)
        edge.unsubscribe(subscription.binding)
        let binding = edge.subscribe(id, to: channels[place].topic, lane: lane.number)
        sessions[id].session.bind(generation: subscription.generation, to: binding)
    }
}
