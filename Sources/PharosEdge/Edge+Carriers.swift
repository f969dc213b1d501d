import PharosHTTP2

/// HTTP/2 connections: their beginning, their end, and the streams on them.
///
/// A stream is a connection like any other, with a slot, a queue, limits and a timer, but without a socket: its output goes to
/// its carrier's session, as far as the client's windows go. Services need not know.
extension Edge {
    /// HTTP/2 connections open now.
    package var http2ConnectionCount: Int { carriers.count }
    /// Streams on them, and WebSockets among these.
    package var http2StreamCount: Int { carriers.streamCount }
    package var http2WebSocketCount: Int { carriers.webSocketCount }
    /// Streams that clients have reset.
    package var http2Resets: UInt64 { carriers.inbox.pointee.resets }
    /// Of these, the ones that were reset before they were served.
    package var http2Withdrawn: UInt64 { carriers.inbox.pointee.withdrawn }
    /// Streams that there was no room for.
    package var http2Refused: UInt64 { counters.streamsRefused + carriers.inbox.pointee.refused }

    @inline(__always)
    func carrier(_ slot: UInt32) -> UnsafeMutablePointer<CarrierState> { carriers.states![Int(slot)] }

    @inline(__always)
    func carried(_ slot: UInt32) -> UnsafeMutablePointer<CarriedState> { carriers.streams! + Int(slot) }

    /// Begins HTTP/2 on a connection that has had no request.
    ///
    /// false: it is not served, or there is no memory.
    mutating func beginCarrier(_ slot: UInt32) -> Bool {
        guard let limits = configuration.http2, let session = HTTP2Session(limits) else { return false }
        carriers.makeTables(capacity: connections.capacity)
        let state = UnsafeMutablePointer<CarrierState>.allocate(capacity: 1)
        state.initialize(to: CarrierState(session))
        carriers.states![Int(slot)] = state
        carriers.count += 1
        counters.http2Accepted += 1
        connections[slot].pointee.flags.insert(.isCarrier)
        connections[slot].pointee.phase = .http2
        wheel.set(slot, atMs: nowMs + configuration.headTimeoutMs, connections)
        markCarrier(slot)
        return true
    }

    /// Frees what a carrier has; streams that are left have none from here on.
    mutating func freeCarrier(_ slot: UInt32) {
        let state = carrier(slot)
        var stream = state.pointee.firstStream
        while stream != .max {
            carried(stream).pointee.carrier = .max
            stream = carried(stream).pointee.next
        }
        state.deinitialize(count: 1)
        state.deallocate()
        carriers.count -= 1
    }

    /// The carrier may have something to send at the end of this turn.
    mutating func markCarrier(_ slot: UInt32) {
        guard !carrier(slot).pointee.isDirty else { return }
        carrier(slot).pointee.isDirty = true
        carriers.dirty.append(slot)
    }

    /// Asks a client to go on elsewhere; what it has begun is served.
    mutating func drainCarrier(_ slot: UInt32) {
        guard connections[slot].pointee.phase == .http2, !carrier(slot).pointee.isDraining else { return }
        carrier(slot).pointee.isDraining = true
        // Requests that are under way are not to be lost: the number of the last one is said a moment later.
        carrier(slot).pointee.session.announceEnd()
        wheel.set(slot, atMs: nowMs + Edge.drainNoticeMs, connections)
        markCarrier(slot)
    }

    /// Milliseconds between the notice of an end and the end.
    private static var drainNoticeMs: Int64 { 1_000 }

    /// An idle carrier's time is over, or that for the notice of its end.
    mutating func carrierTimedOut(_ slot: UInt32) {
        let state = carrier(slot)
        guard state.pointee.isDraining || state.pointee.streamCount == 0 else { return }
        state.pointee.session.finish()
        markCarrier(slot)
    }

    /// The session wants nothing more: its last bytes have left.
    mutating func closeCarrier(_ slot: UInt32, _ end: HTTP2End) {
        counters.http2Ended[Int(end.rawValue)] += 1
        let entry = connections[slot]
        entry.pointee.phase = .closing
        entry.pointee.flags.insert(.lingers)
        wheel.set(slot, atMs: nowMs + configuration.writeTimeoutMs, connections)
        var stream = carrier(slot).pointee.firstStream
        while stream != .max {
            fail(stream)
            stream = carried(stream).pointee.next
        }
        lastBytesSent(slot)
    }

    // MARK: Streams

    /// A connection for a new stream of a carrier; nil: there is no room.
    mutating func openCarried(_ carrierSlot: UInt32, _ stream: Int32) -> ConnectionID? {
        guard carriers.streamCount < configuration.carriedLimit, let id = admit(descriptor: -1) else { return nil }
        let state = carrier(carrierSlot)
        var carriedState = CarriedState(carrier: carrierSlot, stream: stream)
        carriedState.next = state.pointee.firstStream
        if carriedState.next != .max { carried(carriedState.next).pointee.previous = id.slot }
        (carriers.streams! + Int(id.slot)).initialize(to: carriedState)
        state.pointee.firstStream = id.slot
        if state.pointee.streamCount == 0, !state.pointee.isDraining { wheel.clear(carrierSlot, connections) }
        state.pointee.streamCount += 1
        state.pointee.session.setTag(id.raw, of: stream)
        connections[id.slot].pointee.flags.insert(.isCarried)
        carriers.streamCount += 1
        counters.streamsOpened += 1
        return id
    }

    /// A stream's connection ends: the client hears of it, and the carrier forgets it.
    mutating func leaveCarrier(_ slot: UInt32) {
        let state = carried(slot).pointee
        carriers.streamCount -= 1
        if state.traits.contains(.isWebSocket) { carriers.webSocketCount -= 1 }
        guard state.carrier != .max else { return }
        let carrier = carrier(state.carrier)
        if state.previous == .max {
            carrier.pointee.firstStream = state.next
        } else {
            carried(state.previous).pointee.next = state.next
        }
        if state.next != .max { carried(state.next).pointee.previous = state.previous }
        carrier.pointee.streamCount -= 1
        if !state.traits.contains(.isGone) { giveUp(slot, state, carrier) }
        if carrier.pointee.streamCount == 0, !carrier.pointee.isDraining {
            wheel.set(state.carrier, atMs: nowMs + configuration.idleTimeoutMs, connections)
        }
        markCarrier(state.carrier)
    }

    private func giveUp(_ slot: UInt32, _ state: CarriedState, _ carrier: UnsafeMutablePointer<CarrierState>) {
        carrier.pointee.session.setTag(0, of: state.stream)
        if state.unread > 0 { carrier.pointee.session.consume(state.stream, Int(state.unread)) }
        // A WebSocket that has said all ends as a TCP connection would (RFC 8441, section 5). All else is broken off.
        if !state.traits.contains(.isWebSocket) || connections[slot].pointee.firstSegment != .max {
            carrier.pointee.session.reset(state.stream, .cancel)
        } else if state.traits.contains(.hasSentAll) {
            carrier.pointee.session.reset(state.stream, .noError)
        } else {
            carrier.pointee.session.resume(state.stream)
        }
    }

    /// The slot of the socket that a connection's bytes go over.
    func socketSlot(_ slot: UInt32) -> UInt32? {
        guard connections[slot].pointee.flags.contains(.isCarried) else { return slot }
        let carrier = carried(slot).pointee.carrier
        return carrier == .max ? nil : carrier
    }
}
