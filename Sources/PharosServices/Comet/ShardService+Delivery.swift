import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// From the channel's owner to the subscribers.
extension ShardService {
    /// Tells every shard with subscribers, this one first.
    mutating func distribute(_ delivery: ChannelOwner.Delivery?, _ channel: ChannelName, _ edge: inout Edge) {
        guard let delivery else { return }
        if delivery.shards & (1 << UInt64(index)) != 0 { deliver(delivery.event, to: channel, &edge) }
        var others = delivery.shards & ~(1 << UInt64(index))
        while others != 0 {
            let shard = others.trailingZeroBitCount
            others &= others - 1
            node.post(.deliver(channel: channel, delivery.event), to: shard)
        }
    }

    /// Encodes an event once per lane and gives it to this shard's subscribers.
    mutating func deliver(_ event: ChannelEvent, to channel: ChannelName, _ edge: inout Edge) {
        guard let place = channels.index(of: channel) else { return }
        switch event {
        case .publication(let publication, let epoch, let except):
            deliver(publication, epoch, except: except, place, &edge)
        case .join(let info): deliverToJoinLeave(Push(channel: channel, event: .join(info)), place, &edge)
        case .leave(let info): deliverToJoinLeave(Push(channel: channel, event: .leave(info)), place, &edge)
        }
    }

    private mutating func deliver(
        _ publication: Publication, _ epoch: Epoch, except: ClientID?, _ place: Int, _ edge: inout Edge
    ) {
        let name = channels[place].name
        for waiting in channels[place].waiting where sessions.contains(waiting.connection) {
            sessions[waiting.connection].session.publicationArrived(publication, generation: waiting.generation)
        }
        if !channels[place].receivers.isEmpty { keepForReceivers(publication, place) }
        if publication.offset > 0, !advance(place, to: publication.offset, epoch, &edge) { return }
        // After a gap the last subscriber may have gone, and the record with it.
        guard channels.index(of: name) == place else { return }
        if !channels[place].receivers.isEmpty { deliverInProcess(publication, epoch, place) }
        if !channels[place].crowd.isEmpty { answerCrowd(place, publication, epoch, &edge) }
        if !channels[place].polls.isEmpty { answerPolls(place, publication, epoch, &edge) }
        let topic = channels[place].topic
        // Only the first publication of a stream brings its epoch, for those who subscribed while it was empty.
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

    mutating func encode(_ publication: Publication, _ epoch: Epoch, channel: ChannelName, _ format: WireFormat) {
        switch format {
        case .json: JSONReplyEncoder.encodePublication(channel: channel, publication, epoch: epoch, into: &scratch)
        case .protobuf:
            ProtobufReplyEncoder.encodePublication(channel: channel, publication, epoch: epoch, into: &scratch)
        }
    }

    /// Gives the message in `scratch` to all subscribers of a lane.
    mutating func publishScratch(
        _ topic: UInt32, _ lane: Lane, _ overflow: (policy: OverflowPolicy, key: UInt32),
        _ edge: inout Edge
    ) {
        let framing = frame(lane.wire, edge)
        guard lane.wire.carrier == .eventStream else {
            return publishScratch(topic, lane, framing: framing, overflow, &edge)
        }
        edge.publish(topic, lane: lane.number, framing, packed, policy: overflow.policy, key: overflow.key)
        packed.removeAll()
        scratch.removeAll()
    }

    /// The same for what is framed otherwise than the lane's other messages.
    mutating func publishScratch(
        _ topic: UInt32, _ lane: Lane, framing: Framing, _ overflow: (policy: OverflowPolicy, key: UInt32),
        _ edge: inout Edge
    ) {
        let (policy, key) = overflow
        if lane.wire.windowBits == 0 {
            edge.publish(topic, lane: lane.number, framing, scratch, policy: policy, key: key)
        } else if edge.compress(scratch, windowBits: lane.wire.windowBits, into: &packed) {
            // Compressed once for all who agreed on the same window.
            let compressed: Framing = framing == .text ? .compressedText : .compressedBinary
            edge.publish(topic, lane: lane.number, compressed, packed, policy: policy, key: key)
            packed.removeAll()
        } else {
            edge.publish(topic, lane: lane.number, framing, scratch, policy: policy, key: key)
        }
        scratch.removeAll()
    }

    private mutating func deliverToJoinLeave(_ push: Push, _ place: Int, _ edge: inout Edge) {
        let topic = channels[place].topic
        for lanePlace in 0..<edge.laneSlots(of: topic) {
            guard let number = edge.lane(of: topic, at: lanePlace) else { continue }
            let lane = Lane(number: number)
            guard lane.receivesJoinLeave else { continue }
            switch lane.wire.format {
            case .json: JSONReplyEncoder.encode(push, into: &scratch)
            case .protobuf: ProtobufReplyEncoder.encode(push, into: &scratch)
            }
            publishScratch(topic, lane, (.close, 0), &edge)
        }
    }

    /// Whether the publication is next; a repeated one is skipped, and after a gap nobody is left who would be misled.
    private mutating func advance(
        _ place: Int, to offset: UInt64, _ epoch: Epoch, _ edge: inout Edge
    ) -> Bool {
        guard let position = channels[place].position else {
            channels[place].position = StreamPosition(offset: offset, epoch: epoch)
            return true
        }
        if position.epoch == epoch, offset <= position.offset { return false }
        let continues = position.epoch == epoch && offset == position.offset + 1
        channels[place].position = StreamPosition(offset: offset, epoch: epoch)
        if !continues {
            node.report(.positionLost(channel: channels[place].name))
            endPositioned(channels[place], &edge)
        }
        return true
    }

    // MARK: Looking after positions

    /// Asks the owners of all channels with positions here where their streams stand.
    ///
    /// The answer comes by the same way as the deliveries, after them: what differs then is lost.
    mutating func checkPositions(_ edge: inout Edge) {
        var names: [ChannelName] = []
        channels.forEach { if $0.position != nil { names.append($0.name) } }
        for name in names {
            let ownerShard = node.owner(of: name)
            if ownerShard != index {
                node.post(.askPosition(channel: name, shard: index), to: ownerShard)
            } else if let position = ownerPosition(of: name, edge) {
                comparePosition(of: name, with: position, &edge)
            }
        }
    }

    /// Where a stream stands; nil when it has none, or when only the durable store knows.
    mutating func ownerPosition(of channel: ChannelName, _ edge: borrowing Edge) -> StreamPosition? {
        guard let options = try? rules.resolve(channel).options, options.hasHistory else { return nil }
        if isDurable(options) { return owner.cache.top(of: channel, nowMs: edge.wallMs) }
        return try? owner.position(of: channel, options, nowMs: edge.nowMs)
    }

    mutating func comparePosition(of channel: ChannelName, with top: StreamPosition, _ edge: inout Edge) {
        guard let place = channels.index(of: channel), let position = channels[place].position, position != top else {
            return
        }
        channels[place].position = top
        node.report(.positionLost(channel: channel))
        endPositioned(channels[place], &edge)
    }

    /// Publications are missing: every positioned subscription here ends, and its client comes back with recovery.
    mutating func endPositioned(_ channel: LocalChannel, _ edge: inout Edge) {
        tellGap(channel)
        for id in subscribers(of: channel.topic, edge) {
            guard sessions.contains(id),
                let subscription = sessions[id].session.subscription(of: channel.name),
                subscription.flags.contains(.isPositioned)
            else { continue }
            // A plain event stream comes back by itself, and with its position.
            if subscription.flags.contains(.isServerSide) || sessions[id].wire.carrier == .events {
                disconnect(id, .insufficientState, &edge)
            } else if let removed = sessions[id].session.removeSubscription(of: channel.name) {
                undo(removed, of: id, because: .insufficientState, &edge)
                counters.unsubscribes[UnsubscribeReason.insufficientState.code, default: 0] += 1
                send(Push(channel: channel.name, event: .unsubscribe(.insufficientState)), to: id, &edge)
            }
        }
    }

    func subscribers(of topic: UInt32, _ edge: borrowing Edge) -> [ConnectionID] {
        var ids: [ConnectionID] = []
        edge.forEachSubscriber(of: topic) { ids.append($0) }
        return ids
    }
}
