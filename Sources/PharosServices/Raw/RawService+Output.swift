import PharosBytes
import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// The output to raw connections.
///
/// It consists of messages of their origin, and of publications in the channels that the handshake named.
extension RawService {
    // MARK: Messages

    /// Sends one message. To event streams only text can go: other bytes as base64.
    func write(_ message: RawMessage, to connection: RawConnection, _ core: inout ShardCore, _ edge: inout Edge) {
        connection.lastActiveAtMs = edge.wallMs
        if connection.wire.framing == .frame {
            return message.data.withUnsafeBytes { edge.send(connection.id, message.isText ? .text : .binary, $0) }
        }
        let text = message.isText ? message.data : Array(Base64.encode(message.data).utf8)
        text.withUnsafeBytes { RawPublicationEncoder.appendEvent($0, into: &core.packed) }
        edge.send(connection.id, .chunk, core.packed)
        core.packed.removeAll()
    }

    // MARK: Channels

    func subscribeRaw(
        _ connection: RawConnection, to channel: ChannelName, user: UserID, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let options = try? core.rules.resolve(channel).options else { return }
        let place = core.localChannel(channel, &edge)
        core.channels[place].references += 1
        core.counters.subscriptions += 1
        let form: RawDialect.Form = connection.path.namesChannels ? .named : .payload
        guard let lane = try? core.lanes.number(of: LaneKey(connection.wire, form: form.rawValue)) else {
            preconditionFailure("raw connections have a handful of lanes")
        }
        let subscriber = edge.subscribe(connection.id, to: core.channels[place].topic, lane: lane)
        connection.subscriptions.append((channel, subscriber))
        // Only to get the channel's publications: it has no position, and it is not listed in presence.
        let request = AttachRequest(
            channel: channel, options: options, info: ClientInfo(user: user, client: connection.name))
        let tag = SubscriberTag(connection: connection.id.raw, generation: 0)
        core.request(.attach(request, tag), of: channel)
    }

    func unsubscribeRaw(
        _ subscription: (channel: ChannelName, node: UInt32), _ core: inout ShardCore, _ edge: inout Edge
    ) {
        edge.unsubscribe(subscription.node)
        core.counters.subscriptions -= 1
        guard let place = core.channels.index(of: subscription.channel) else { return }
        core.leave(place, &edge)
    }
}
