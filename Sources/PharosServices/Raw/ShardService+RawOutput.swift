import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// What raw connections hear: messages of their origin, and publications in the channels that the handshake named.
extension ShardService {
    // MARK: Messages

    /// Sends one message. To event streams only text can go: other bytes as base64.
    mutating func write(_ message: RawMessage, to connection: RawConnection, _ edge: inout Edge) {
        connection.lastActiveAtMs = edge.wallMs
        if connection.wire.carrier == .raw {
            return message.data.withUnsafeBytes { edge.send(connection.id, message.isText ? .text : .binary, $0) }
        }
        let text = message.isText ? message.data : Array(Base64.encode(message.data).utf8)
        text.withUnsafeBytes { RawPublicationEncoder.appendEvent($0, into: &packed) }
        edge.send(connection.id, .chunk, packed)
        packed.removeAll()
    }

    // MARK: Channels

    mutating func subscribeRaw(_ connection: RawConnection, to channel: ChannelName, user: UserID, _ edge: inout Edge) {
        guard let options = try? rules.resolve(channel).options else { return }
        let place = localChannel(channel, &edge)
        channels[place].references += 1
        counters.subscriptions += 1
        let lane = Lane(wire: connection.wire)
        let subscriber = edge.subscribe(connection.id, to: channels[place].topic, lane: lane.number)
        connection.subscriptions.append((channel, subscriber))
        // Only to hear of the channel: it has no position, and nobody sees it there.
        let request = AttachRequest(
            channel: channel, options: options, info: ClientInfo(user: user, client: connection.name),
            keepsPresence: false, emitsJoin: false, isPositioned: false, recoverFrom: nil,
            recoveryMode: options.recoveryMode)
        let ownerShard = node.owner(of: channel)
        if ownerShard == index {
            attach(request, connection.id, 0, shard: index, &edge)
        } else {
            let ticket = AttachTicket(request: request, connection: connection.id, generation: 0)
            node.post(.attach(ticket, shard: index), to: ownerShard)
        }
    }

    mutating func unsubscribeRaw(_ subscription: (channel: ChannelName, node: UInt32), _ edge: inout Edge) {
        edge.unsubscribe(subscription.node)
        counters.subscriptions -= 1
        guard let place = channels.index(of: subscription.channel) else { return }
        let isLast = release(place, &edge)
        let request = DetachRequest(
            channel: subscription.channel, info: ClientInfo(user: "", client: ""), keepsPresence: false,
            emitsLeave: false, isLastOfShard: isLast)
        let ownerShard = node.owner(of: subscription.channel)
        if ownerShard == index {
            detach(request, shard: index, &edge)
        } else {
            node.post(.detach(request, shard: index), to: ownerShard)
        }
    }

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
}
