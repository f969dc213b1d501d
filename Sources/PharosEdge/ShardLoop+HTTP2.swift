import PharosHTTP2

/// HTTP/2 connections: bytes in, and what they mean for the streams.
extension ShardLoop where Handler: ~Copyable {
    /// Bytes that a session takes at a time.
    private static var piece: Int { 16_384 }

    mutating func receivedHTTP2(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        // What was kept for this turn goes first.
        if edge.connections[id.slot].pointee.partial != nil { return keepFrames(id, bytes) }
        edge.markCarrier(id.slot)
        var rest = bytes
        while !rest.isEmpty, edge.isOpen(id), edge.connections[id.slot].pointee.phase == .http2 {
            if edge.isSliceSpent {
                keepFrames(id, rest)
                return edge.setAside(id.slot)
            }
            let count = min(rest.count, Self.piece)
            let (carrier, inbox) = (edge.carrier(id.slot), edge.carriers.inbox)
            let taken = carrier.pointee.session.receive(
                UnsafeRawBufferPointer(rebasing: rest[..<count]), atMs: edge.nowMs, &inbox.pointee)
            edge.spend(taken)
            serveEvents(id)
            rest = UnsafeMutableRawBufferPointer(rebasing: rest[taken...])
        }
    }

    /// Goes on with input that was set aside.
    mutating func resumeHTTP2(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        guard let partial = entry.pointee.partial else { return }
        entry.pointee.partial = nil
        receivedHTTP2(
            id, UnsafeMutableRawBufferPointer(start: partial.pointee.bytes, count: partial.pointee.count))
        edge.free(partial)
    }

    private mutating func serveEvents(_ carrier: ConnectionID) {
        let inbox = edge.carriers.inbox
        var index = 0
        while index < inbox.pointee.count, edge.isOpen(carrier) {
            let event = inbox.pointee[index]
            edge.spend(Edge.messageCost)
            if case .head(let traits) = event.kind {
                openStream(carrier, event.stream, traits, inbox.pointee.text(of: index))
            } else {
                serve(carrier, event)
            }
            index += 1
        }
        inbox.pointee.removeAll()
    }

    private mutating func serve(_ carrier: ConnectionID, _ event: HTTP2Event) {
        // A stream that began in the same read has got its tag since.
        let session = edge.carrier(carrier.slot)
        let id = ConnectionID(raw: event.tag != 0 ? event.tag : session.pointee.session.tag(of: event.stream))
        guard id.raw != 0, edge.isOpen(id) else {
            // It is not read, but other streams share the connection's window.
            if case .data(let bytes) = event.kind { session.pointee.session.consume(event.stream, bytes.count) }
            return
        }
        switch event.kind {
        case .data(let bytes):
            edge.carried(id.slot).pointee.unread += UInt32(bytes.count)
            receivedData(id, UnsafeMutableRawBufferPointer(mutating: bytes))
            if edge.isOpen(id) { edge.acknowledgeInput(id.slot) }
        case .end:
            edge.carried(id.slot).pointee.traits.insert(.hasEnded)
            inputEnded(id)
        case .closed:
            edge.streamClosed(id.slot)
        case .head, .sent, .none:
            break
        }
    }

    private mutating func receivedData(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        switch edge.connections[id.slot].pointee.phase {
        case .webSocket: receivedFrames(id, bytes)
        case .request: receivedBody(id, UnsafeRawBufferPointer(bytes))
        case .awaitingDecision:
            guard let partial = edge.connections[id.slot].pointee.partial else { return }
            partial.pointee.append(UnsafeRawBufferPointer(bytes))
        case .closing:
            if edge.carried(id.slot).pointee.traits.contains(.isWebSocket) { discardWhileClosing(id, bytes) }
        case .awaitingResponse, .streaming, .detached, .http2, .free: break
        }
    }

    private mutating func inputEnded(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        switch entry.pointee.phase {
        case .request: bodyEnded(id)
        case .webSocket: peerGone(id)
        case .closing where edge.carried(id.slot).pointee.traits.contains(.isWebSocket):
            entry.pointee.flags.insert(.closesWhenSent)
            edge.markDirty(id.slot)
        default: break
        }
    }

    /// The connection has ended, and with it all of its streams.
    mutating func endStreams(_ slot: UInt32) {
        while true {
            let stream = edge.carrier(slot).pointee.firstStream
            guard stream != .max else { return }
            end(ConnectionID(slot: stream, generation: edge.connections[stream].pointee.generation))
        }
    }
}
