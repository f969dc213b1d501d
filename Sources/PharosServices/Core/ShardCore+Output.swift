import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Replies and pushes to one connection, in its wire format.
extension ShardCore {
    mutating func send(_ reply: Reply, to id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id) else { return }
        if case .error(let error) = reply.result { counters.replyErrors[error.code, default: 0] += 1 }
        if sessions[id].wire.carrier == .events { return eventsReplied(reply, id, &edge) }
        switch sessions[id].wire.format {
        case .json: JSONReplyEncoder.encode(reply, into: &scratch)
        case .protobuf: ProtobufReplyEncoder.encode(reply, into: &scratch)
        }
        let count = scratch.count
        flushScratch(to: id, sessions[id].wire, &edge)
        if count > node.settings.client.queueMaxSize / 8 { edge.allowOutput(id, count: count) }
    }

    mutating func send(_ push: Push, to id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id) else { return }
        if sessions[id].wire.carrier == .events { return eventsPushed(push, id, &edge) }
        write(push, to: id, sessions[id].wire, &edge)
    }

    /// Also to a connection whose session has just ended.
    mutating func write(_ push: Push, to id: ConnectionID, _ wire: Wire, _ edge: inout Edge) {
        encode(push, wire)
        flushScratch(to: id, wire, &edge)
    }

    mutating func encode(_ push: Push, _ wire: Wire) {
        switch wire.format {
        case .json: JSONReplyEncoder.encode(push, into: &scratch)
        case .protobuf: ProtobufReplyEncoder.encode(push, into: &scratch)
        }
    }

    mutating func sendPing(_ id: ConnectionID, _ edge: inout Edge) {
        let wire = sessions[id].wire
        if sessions[id].session.usesFramePings {
            return edge.send(id, .ping, UnsafeRawBufferPointer(start: nil, count: 0))
        }
        if wire.carrier == .events {
            EventStreamEncoder.comment(into: &scratch)
            edge.send(id, .chunk, scratch)
            return scratch.removeAll()
        }
        switch wire.format {
        case .json: JSONReplyEncoder.encodePing(into: &scratch)
        case .protobuf: ProtobufReplyEncoder.encodePing(into: &scratch)
        }
        flushScratch(to: id, wire, &edge)
    }

    /// Sends the one message in `scratch`, which is empty afterwards.
    private mutating func flushScratch(to id: ConnectionID, _ wire: Wire, _ edge: inout Edge) {
        edge.spend(scratch.count)
        let framing = frame(wire, edge)
        switch framing {
        case .chunk where wire.carrier == .eventStream, .bare where wire.carrier == .eventStream:
            edge.send(id, framing, packed)
            packed.removeAll()
        default: edge.send(id, framing, scratch)
        }
        scratch.removeAll()
    }

    /// Makes the message in `scratch` ready for the carrier, in `packed` where it takes another form there.
    mutating func frame(_ wire: Wire, _ edge: borrowing Edge) -> Framing {
        switch wire.carrier {
        case .webSocket: return wire.format == .json ? .text : .binary
        case .httpStream:
            if wire.format == .json { scratch.append(UInt8(ascii: "\n")) }
            return wire.streamFraming
        case .eventStream:
            scratch.withBytes { MessageEventStream.append($0, into: &packed) }
            return wire.streamFraming
        case .poll:
            scratch.append(UInt8(ascii: "\n"))
            return .bare
        case .events, .raw, .rawEvents:
            preconditionFailure("plain event streams carry no messages of the protocol")
        }
    }

    // MARK: Ends

    /// Says why a connection ends, in the way of its carrier; its session has ended already.
    ///
    /// - Parameter stream: the state of a plain event stream before its session ended.
    mutating func endOutput(
        _ id: ConnectionID, _ wire: Wire, _ stream: EventsState?, _ reason: Disconnect, dropsQueue: Bool,
        _ edge: inout Edge
    ) {
        switch wire.carrier {
        case .webSocket:
            edge.closeWebSocket(
                id, code: UInt16(truncatingIfNeeded: reason.code), reason: reason.reason, dropsQueue: dropsQueue)
        case .httpStream, .eventStream:
            // Without a close frame the reason is the last message.
            encode(Push(channel: "", event: .disconnect(reason)), wire)
            _ = frame(wire, edge)
            if wire.carrier == .eventStream {
                packed.withBytes { edge.endStream(id, lastWords: $0, dropsQueue: dropsQueue) }
            } else {
                scratch.withBytes { edge.endStream(id, lastWords: $0, dropsQueue: dropsQueue) }
            }
            packed.removeAll()
            scratch.removeAll()
        case .poll:
            if !dropsQueue { write(Push(channel: "", event: .disconnect(reason)), to: id, wire, &edge) }
            post(.polledSessionEnded(id, dropsOutput: dropsQueue), to: index)
        case .events: endEvents(id, stream, reason, dropsQueue: dropsQueue, &edge)
        case .raw, .rawEvents: preconditionFailure("raw connections have no session")
        }
    }

    /// When a polled session needs attention; `.max` for others.
    func pollDeadline(of id: ConnectionID) -> Int64 {
        guard let polled = polledSessions[id.slot], polled.generation == id.generation else { return .max }
        return min(polled.waiter?.deadlineMs ?? .max, polled.idleUntilMs)
    }

    // MARK: Lanes

    mutating func encode(_ publication: Publication, _ epoch: Epoch, channel: ChannelName, _ format: WireFormat) {
        switch format {
        case .json: JSONReplyEncoder.encodePublication(channel: channel, publication, epoch: epoch, into: &scratch)
        case .protobuf:
            ProtobufReplyEncoder.encodePublication(channel: channel, publication, epoch: epoch, into: &scratch)
        }
    }

    /// Gives the message in `scratch` to all subscribers of a lane.
    mutating func publishScratch(
        _ topic: UInt32, _ lane: Lane, _ overflow: (policy: OverflowPolicy, key: UInt32), _ edge: inout Edge
    ) {
        let framing = frame(lane.wire, edge)
        guard lane.wire.carrier == .eventStream else {
            return publishScratch(topic, lane, framing: framing, overflow, &edge)
        }
        edge.publish(topic, lane: lane.number, framing, packed, policy: overflow.policy, key: overflow.key)
        packed.removeAll()
        scratch.removeAll()
    }

    /// The same for a message that is framed otherwise than the lane's other messages.
    mutating func publishScratch(
        _ topic: UInt32, _ lane: Lane, framing: Framing, _ overflow: (policy: OverflowPolicy, key: UInt32),
        _ edge: inout Edge
    ) {
        let (policy, key) = overflow
        if lane.wire.windowBits == 0 {
            edge.publish(topic, lane: lane.number, framing, scratch, policy: policy, key: key)
        } else if edge.compress(scratch, windowBits: lane.wire.windowBits, into: &packed) {
            // Compressed once for all that agreed on the same window.
            let compressed: Framing = framing == .text ? .compressedText : .compressedBinary
            edge.publish(topic, lane: lane.number, compressed, packed, policy: policy, key: key)
            packed.removeAll()
        } else {
            edge.publish(topic, lane: lane.number, framing, scratch, policy: policy, key: key)
        }
        scratch.removeAll()
    }
}
