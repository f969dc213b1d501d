import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Replies, pushes and pings to one connection, in its dialect.
extension ShardCore {
    mutating func send(_ reply: Reply, to id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id) else { return }
        if case .error(let error) = reply.result { counters.replyErrors[error.code, default: 0] += 1 }
        if sessions[id].hasConversation { return converse(id, &edge) { $0.replied(reply, into: &$1) } }
        let wire = sessions[id].wire
        guard let kind = dialects.encode(reply, wire.dialect, into: &scratch) else { return }
        let count = scratch.count
        sendScratch(to: id, wire, kind, &edge)
        if count > node.settings.client.queueMaxSize / 8 { edge.allowOutput(id, count: count) }
    }

    mutating func send(_ push: Push, to id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id) else { return }
        if sessions[id].hasConversation { return converse(id, &edge) { $0.pushed(push, into: &$1) } }
        let wire = sessions[id].wire
        guard let kind = dialects.encode(push, wire.dialect, into: &scratch) else { return }
        sendScratch(to: id, wire, kind, &edge)
    }

    /// Sends a message to the connection itself, in no channel.
    ///
    /// - Returns: false: its dialect cannot carry it.
    mutating func sendMessage(
        _ data: [UInt8], isJSON: Bool, to id: ConnectionID, _ edge: inout Edge
    ) -> Bool {
        if sessions[id].hasConversation {
            var isCarried = false
            converse(id, &edge) { isCarried = $0.message(data, isJSON: isJSON, into: &$1) }
            return isCarried
        }
        let wire = sessions[id].wire
        guard let kind = dialects[wire.dialect].encodeMessage(data, isJSON: isJSON, into: &scratch) else {
            return false
        }
        sendScratch(to: id, wire, kind, &edge)
        return true
    }

    mutating func sendPing(_ id: ConnectionID, _ edge: inout Edge) {
        if sessions[id].session.usesFramePings {
            return edge.send(id, .ping, UnsafeRawBufferPointer(start: nil, count: 0))
        }
        if sessions[id].hasConversation { return converse(id, &edge) { $0.pinged(into: &$1) } }
        let wire = sessions[id].wire
        guard let kind = dialects.encodePing(wire.dialect, into: &scratch) else { return }
        sendScratch(to: id, wire, kind, &edge)
    }

    /// Tells a connection that it was too slow for some publications of a channel.
    mutating func sendDropped(_ count: Int, _ channel: ChannelName, to id: ConnectionID, _ edge: inout Edge) {
        if sessions[id].hasConversation { return converse(id, &edge) { $0.dropped(count, in: channel, into: &$1) } }
        let wire = sessions[id].wire
        guard let kind = dialects[wire.dialect].encodeDropped(count, in: channel, into: &scratch) else { return }
        sendScratch(to: id, wire, kind, &edge)
    }

    /// Sends the one message in `scratch`, which is empty afterwards.
    mutating func sendScratch(to id: ConnectionID, _ wire: Wire, _ kind: MessageKind, _ edge: inout Edge) {
        edge.spend(scratch.count)
        if frame(wire.dialect, wire.framing, kind) == .packed {
            edge.send(id, ShardCore.framing(wire, kind), packed)
            packed.removeAll()
        } else {
            edge.send(id, ShardCore.framing(wire, kind), scratch)
        }
        scratch.removeAll()
    }

    /// Makes the message in `scratch` ready for its transport.
    ///
    /// The result is in `packed` if the message takes another form there.
    private mutating func frame(
        _ dialect: UInt8, _ framing: TransportFraming, _ kind: MessageKind
    ) -> FramedMessage {
        dialects.frame(&scratch, kind, dialect, framing, into: &packed)
    }

    /// How the edge keeps messages apart.
    private static func framing(_ wire: Wire, _ kind: MessageKind) -> Framing {
        switch wire.framing {
        case .frame: kind == .text ? .text : .binary
        case .stream, .event: wire.streamFraming
        case .line, .message: .bare
        }
    }

    // MARK: Ends

    /// Says why a connection ends, in its dialect; its session has ended already.
    ///
    /// - Parameter conversation: the one that it had; nil: none.
    mutating func endOutput(
        _ id: ConnectionID, _ wire: Wire, _ conversation: (any Conversation)?, _ reason: Disconnect, dropsQueue: Bool,
        _ edge: inout Edge
    ) {
        guard let conversation else {
            let style = dialects[wire.dialect].end(reason, over: wire.framing, into: &scratch)
            return end(id, wire, style, reason, dropsQueue: dropsQueue, &edge)
        }
        end(conversation, id, wire, reason, dropsQueue: dropsQueue, &edge)
    }

    /// Ends the transport; a last message is in `scratch`.
    mutating func end(
        _ id: ConnectionID, _ wire: Wire, _ style: EndStyle, _ reason: Disconnect, dropsQueue: Bool,
        _ edge: inout Edge
    ) {
        switch (style, wire.framing) {
        case (.closeFrame(let code, let reason), .frame):
            edge.closeWebSocket(id, code: code, reason: reason, dropsQueue: dropsQueue)
        case (.lastMessage(let kind), .frame):
            if !dropsQueue { sendScratch(to: id, wire, kind, &edge) }
            edge.closeWebSocket(id, code: 1000, reason: "", dropsQueue: dropsQueue)
        case (.silence, .frame): edge.closeWebSocket(id, code: 1000, reason: "", dropsQueue: dropsQueue)
        case (.lastMessage(let kind), .stream), (.lastMessage(let kind), .event):
            if frame(wire.dialect, wire.framing, kind) == .packed {
                packed.withBytes { edge.endStream(id, lastWords: $0, dropsQueue: dropsQueue) }
            } else {
                scratch.withBytes { edge.endStream(id, lastWords: $0, dropsQueue: dropsQueue) }
            }
            packed.removeAll()
        case (_, .stream), (_, .event): edge.endStream(id, dropsQueue: dropsQueue)
        case (_, .message):
            if case .lastMessage(let kind) = style, !dropsQueue { sendScratch(to: id, wire, kind, &edge) }
            post(.messageClientEnded(id, reason, dropsOutput: dropsQueue), to: index)
        case (_, .line):
            if case .lastMessage(let kind) = style, !dropsQueue { sendScratch(to: id, wire, kind, &edge) }
            post(.polledSessionEnded(id, dropsOutput: dropsQueue), to: index)
        }
        scratch.removeAll()
    }

    /// When a polled session needs attention; `.max` for others.
    func pollDeadline(of id: ConnectionID) -> Int64 {
        guard let polled = polledSessions[id.slot], polled.generation == id.generation else { return .max }
        return min(polled.waiter?.deadlineMs ?? .max, polled.idleUntilMs)
    }

    // MARK: Lanes

    /// Gives the message in `scratch` to all subscribers of a lane.
    mutating func publishScratch(
        _ topic: UInt32, _ number: UInt16, _ lane: LaneKey, _ kind: MessageKind,
        _ overflow: (policy: OverflowPolicy, key: UInt32), _ edge: inout Edge
    ) {
        let (policy, key) = overflow
        guard lane.framing == .frame else {
            let framing: Framing = lane.framing.isDetached ? .bare : lane.streamFraming
            if frame(lane.dialect, lane.framing, kind) == .packed {
                edge.publish(topic, lane: number, framing, packed, policy: policy, key: key)
                packed.removeAll()
            } else {
                edge.publish(topic, lane: number, framing, scratch, policy: policy, key: key)
            }
            return scratch.removeAll()
        }
        if lane.windowBits != 0, edge.compress(scratch, windowBits: lane.windowBits, into: &packed) {
            // Compressed once for all that agreed on the same window.
            let compressed: Framing = kind == .text ? .compressedText : .compressedBinary
            edge.publish(topic, lane: number, compressed, packed, policy: policy, key: key)
            packed.removeAll()
        } else {
            edge.publish(topic, lane: number, kind == .text ? .text : .binary, scratch, policy: policy, key: key)
        }
        scratch.removeAll()
    }
}
