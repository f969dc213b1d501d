import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Replies and pushes to one connection, in its wire format.
extension ShardService {
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
}
