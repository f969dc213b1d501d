import PharosBytes

/// WebSocket frames in, messages to the handler.
///
/// Pings are answered here (RFC 6455, section 5.5).
extension ShardLoop where Handler: ~Copyable {
    mutating func receivedFrames(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        var input = bytes
        // Frames that came while reading was paused go first.
        if edge.connections[id.slot].pointee.partial != nil { return keepFrames(id, input) }
        let limit = edge.configuration.messageSizeLimit
        // The handler may close the connection at any message: the bytes behind it are then ignored.
        while edge.isOpen(id), edge.connections[id.slot].pointee.phase == .webSocket {
            let entry = edge.connections[id.slot]
            if entry.pointee.flags.contains(.isPaused) { return keepFrames(id, input) }
            if edge.isSliceSpent, !input.isEmpty {
                keepFrames(id, input)
                return edge.setAside(id.slot)
            }
            let before = input.count
            switch entry.pointee.reader.next(&input, limit: limit, inflater: &edge.inflater) {
            case .needMore:
                return
            case .text(let message):
                edge.counters.messagesReceived += 1
                handler.messageReceived(id, message, isText: true, &edge)
                edge.spend(max(message.count, before - input.count) + Edge.messageCost)
            case .binary(let message):
                edge.counters.messagesReceived += 1
                handler.messageReceived(id, message, isText: false, &edge)
                edge.spend(max(message.count, before - input.count) + Edge.messageCost)
            case .ping(let payload):
                edge.spend(payload.count + Edge.messageCost)
                edge.appendFrame(id.slot, .pong, payload)
            case .pong:
                edge.spend(Edge.messageCost)
                handler.pongReceived(id, &edge)
            case .close(let code, let reason):
                answerClose(id, code: code, reason: reason)
                return
            case .failure(let code):
                tellClosed(id)
                edge.closeWebSocket(id, code: code, reason: ShardLoop.reason(code))
                // Further bytes cannot be read any more: there is no close frame to wait for.
                entry.pointee.flags.insert(.lingers)
                edge.wheel.set(id.slot, atMs: edge.nowMs + edge.configuration.writeTimeoutMs, edge.connections)
                return
            }
        }
        if edge.isOpen(id), edge.connections[id.slot].pointee.phase == .closing { discardWhileClosing(id, input) }
    }

    /// After our close frame only the peer's own close frame is of interest.
    mutating func discardWhileClosing(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        var input = bytes
        let entry = edge.connections[id.slot]
        // The rest of a request that was refused, or of frames that cannot be read.
        guard !entry.pointee.flags.contains(.lingers) else { return }
        if entry.pointee.partial != nil { return keepFrames(id, input) }
        entry.pointee.reader.discardMessages()
        while true {
            let limit = edge.configuration.messageSizeLimit
            switch entry.pointee.reader.next(&input, limit: limit, inflater: &edge.inflater) {
            case .needMore: return
            case .close, .failure:
                entry.pointee.flags.insert(.closesWhenSent)
                entry.pointee.reader.release()
                if entry.pointee.firstSegment == .max { edge.fail(id.slot) }
                return
            default: continue
            }
        }
    }

    private mutating func answerClose(_ id: ConnectionID, code: UInt16, reason: UnsafeRawBufferPointer) {
        // First of all, since leaving its channels hands over what was published to it in this turn.
        tellClosed(id)
        // 1005 stands for a close frame without a code: it is answered alike and never sent (RFC 6455, section 7.4.1).
        if code == 1005 {
            edge.appendFrame(id.slot, .close, UnsafeRawBufferPointer(start: nil, count: 0))
        } else {
            var payload = ByteWriter(capacity: 2)
            payload.append(UInt8(code >> 8))
            payload.append(UInt8(code & 0xff))
            payload.withBytes { edge.appendFrame(id.slot, .close, $0) }
        }
        let entry = edge.connections[id.slot]
        entry.pointee.phase = .closing
        entry.pointee.flags.insert(.closesWhenSent)
        edge.wheel.set(id.slot, atMs: edge.nowMs + edge.configuration.writeTimeoutMs, edge.connections)
    }

    private static func reason(_ code: UInt16) -> String {
        switch code {
        case 1007: "invalid UTF-8 or compressed data"
        case 1009: "message size limit"
        case 1011: "out of memory"
        default: "protocol error"
        }
    }
}
