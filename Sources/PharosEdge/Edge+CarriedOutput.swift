import CPharosHTTP2
import PharosHTTP2

/// The way of a stream's output into its carrier's.
///
/// Bodies stay in the queues of their streams, where they may be dropped or replaced, until the client's windows and the
/// carrier's socket take them. Then they become DATA frames: long ones are handed over uncopied.
extension Edge {
    /// A stream has output: its carrier is asked at the end of the turn.
    mutating func noteCarried(_ slot: UInt32) {
        let state = carried(slot)
        guard state.pointee.carrier != .max else { return }
        if state.pointee.traits.contains(.isDeferred) {
            state.pointee.traits.remove(.isDeferred)
            carrier(state.pointee.carrier).pointee.session.resume(state.pointee.stream)
        }
        carriers.waiting.append(slot)
        markCarrier(state.pointee.carrier)
    }

    /// Sends what sessions have to send, as far as sockets and windows go.
    mutating func pumpCarriers() {
        var index = 0
        while index < carriers.dirty.count {
            let slot = carriers.dirty[index]
            index += 1
            guard connections[slot].pointee.flags.contains(.isCarrier) else { continue }
            carrier(slot).pointee.isDirty = false
            if connections[slot].pointee.phase == .http2 { pump(slot) }
        }
        carriers.dirty.removeAll(keepingCapacity: true)
        // What is left of the turn's output waits, and is bounded like that of a socket.
        while let slot = carriers.waiting.popLast() {
            let entry = connections[slot]
            guard entry.pointee.flags.contains(.isCarried), entry.pointee.firstSegment != .max else { continue }
            block(slot)
            checkLimit(slot)
        }
    }

    private mutating func pump(_ slot: UInt32) {
        let entry = connections[slot]
        guard !entry.pointee.flags.contains(.isBlocked) else { return }
        repeat {
            carriers.isPaused = false
            // Its output leaves here, not with that of the others.
            entry.pointee.flags.insert(.isDirty)
            gatherOutput(slot)
            entry.pointee.flags.remove(.isDirty)
            noteSent(slot)
            if entry.pointee.firstSegment != .max { flush(slot) }
        } while carriers.isPaused && hasSent(slot)
        guard hasSent(slot), let end = carrier(slot).pointee.session.end else { return }
        closeCarrier(slot, end)
    }

    /// Whether the socket has taken all of a carrier's output.
    private func hasSent(_ slot: UInt32) -> Bool {
        connections[slot].pointee.firstSegment == .max && !connections[slot].pointee.flags.contains(.isBlocked)
    }

    private mutating func gatherOutput(_ slot: UInt32) {
        let (state, inbox) = (carrier(slot), carriers.inbox)
        carriers.current = slot
        withUnsafeMutablePointer(to: &self) { edge in
            var outlet = pharos_http2_outlet(
                context: edge,
                waiting: { context, tag, limit, isEnd in
                    context!.assumingMemoryBound(to: Edge.self).pointee.waitingBody(tag, limit, &isEnd!.pointee)
                },
                take: { context, tag, header, count in
                    context!.assumingMemoryBound(to: Edge.self).pointee.takeBody(tag, header!, count)
                })
            while !edge.pointee.carriers.isPaused {
                let bytes = state.pointee.session.nextOutput(&outlet, &inbox.pointee)
                if bytes.isEmpty { return }
                edge.pointee.append(slot, bytes)
            }
        }
    }

    /// Looks at what sending has brought about.
    private mutating func noteSent(_ slot: UInt32) {
        let inbox = carriers.inbox
        for index in 0..<inbox.pointee.count {
            let event = inbox.pointee[index]
            let id = ConnectionID(raw: event.tag)
            guard event.tag != 0, isOpen(id) else {
                if case .sent = event.kind { stopInput(slot, event.stream) }
                continue
            }
            switch event.kind {
            case .sent: sentAll(id.slot)
            case .closed: streamClosed(id.slot)
            default: break
            }
        }
        inbox.pointee.removeAll()
    }

    private mutating func sentAll(_ slot: UInt32) {
        let state = carried(slot)
        state.pointee.traits.insert(.hasSentAll)
        // A WebSocket's client has its own end to say.
        if !state.pointee.traits.contains(.isWebSocket) { stopInput(state.pointee.carrier, state.pointee.stream) }
    }

    /// Ends the input of a stream on which all has been said.
    ///
    /// See RFC 9113, section 8.1.
    private mutating func stopInput(_ slot: UInt32, _ stream: Int32) {
        carrier(slot).pointee.session.reset(stream, .noError)
        markCarrier(slot)
    }

    /// The session is done with a stream: so is its connection.
    mutating func streamClosed(_ slot: UInt32) {
        carried(slot).pointee.traits.insert(.isGone)
        fail(slot)
    }
}
