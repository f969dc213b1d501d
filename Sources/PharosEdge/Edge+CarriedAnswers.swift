import PharosBytes
import PharosHTTP2

/// Answers on streams of HTTP/2.
///
/// The head goes to the session, the body into the stream's queue.
extension Edge {
    /// Begins the answer on a stream.
    ///
    /// - Parameter head: as HTTP/1.1 writes it, whose fields about the connection are left out.
    mutating func answerCarried(_ slot: UInt32, _ head: UnsafeRawBufferPointer, _ kind: HTTP2Session.HeadKind) {
        let state = carried(slot)
        guard state.pointee.carrier != .max else { return }
        let session = carrier(state.pointee.carrier)
        if kind != .interim { state.pointee.traits.insert(.isAnswered) }
        if !session.pointee.session.respond(state.pointee.stream, head, kind) {
            session.pointee.session.reset(state.pointee.stream, .internalError)
        }
        markCarrier(state.pointee.carrier)
    }

    /// A whole answer on a stream; the body is appended if the request wants one.
    mutating func answerCarried(_ slot: UInt32, _ head: borrowing ByteWriter, body: UnsafeRawBufferPointer) {
        let hasBody = !body.isEmpty && !connections[slot].pointee.flags.contains(.answersHead)
        head.withBytes { answerCarried(slot, $0, hasBody ? .withBody : .withoutBody) }
        if hasBody { append(slot, body) }
    }

    /// The same with what `prepareResponse` made.
    mutating func answerCarried(_ slot: UInt32, _ response: PreparedResponse) {
        let block = response.block
        let hasBody =
            response.bodyStart < Int(block.pointee.count) && !connections[slot].pointee.flags.contains(.answersHead)
        let head = UnsafeRawBufferPointer(
            start: block.bytes + response.keepAliveStart, count: response.bodyStart - response.keepAliveStart)
        answerCarried(slot, head, hasBody ? .withBody : .withoutBody)
        if hasBody { enqueue(slot, block, offset: response.bodyStart) }
    }

    /// The answer is in the queue: the stream ends behind it.
    mutating func finishCarried(_ slot: UInt32) {
        let entry = connections[slot]
        entry.pointee.phase = .closing
        entry.pointee.flags.insert(.closesWhenSent)
        wheel.set(slot, atMs: nowMs + configuration.idleTimeoutMs, connections)
        markDirty(slot)
    }

    /// Lets the client send as much again as has been read of a stream's input.
    mutating func acknowledgeInput(_ slot: UInt32) {
        let state = carried(slot)
        guard state.pointee.unread > 0, state.pointee.carrier != .max else { return }
        var kept = 0
        // Frames that wait for a paused reader, and bodies that wait for a decision, are not read.
        switch connections[slot].pointee.phase {
        case .webSocket, .awaitingDecision: kept = connections[slot].pointee.partial?.pointee.count ?? 0
        default: break
        }
        let count = Int(state.pointee.unread) - kept
        guard count > 0 else { return }
        state.pointee.unread -= UInt32(count)
        carrier(state.pointee.carrier).pointee.session.consume(state.pointee.stream, count)
        markCarrier(state.pointee.carrier)
    }

    /// Bytes of answers that a carrier's client does not take.
    func waitingAnswers(_ slot: UInt32) -> Int {
        var (bytes, stream) = (0, carrier(slot).pointee.firstStream)
        while stream != .max {
            if connections[stream].pointee.phase == .closing { bytes += Int(connections[stream].pointee.queuedBytes) }
            stream = carried(stream).pointee.next
        }
        return bytes
    }
}
