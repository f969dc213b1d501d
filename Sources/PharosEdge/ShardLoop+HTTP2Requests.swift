import PharosBytes
import PharosHTTP2

/// Requests on streams of HTTP/2.
///
/// Their heads are text as in HTTP/1.1, so the handler decides about them as about any other.
extension ShardLoop where Handler: ~Copyable {
    mutating func openStream(
        _ carrier: ConnectionID, _ stream: Int32, _ traits: HTTP2HeadTraits, _ text: UnsafeRawBufferPointer
    ) {
        // A client that asks and does not take the answers is not asked for more of them.
        guard edge.waitingAnswers(carrier.slot) <= edge.configuration.outputLimit,
            let id = edge.openCarried(carrier.slot, stream)
        else {
            edge.counters.streamsRefused += 1
            return edge.carrier(carrier.slot).pointee.session.reset(stream, .refusedStream)
        }
        let state = edge.carried(id.slot)
        if traits.contains(.isLast) { state.pointee.traits.insert(.hasEnded) }
        if traits.contains(.isWebSocket) { state.pointee.traits.insert(.asksForWebSocket) }
        if traits.contains(.isTooLong) {
            return refuse(id, status: 431, message: "the request's head is longer than the limit")
        }
        if traits.contains(.isUnknownProtocol) {
            return refuse(id, status: 501, message: "this protocol is not implemented")
        }
        // Its length has been looked at.
        switch RequestHead.parse(text, limit: text.count) {
        case .complete(let head) where head.length == text.count:
            decide(id, head, UnsafeMutableRawBufferPointer(mutating: text))
        case .refused(let status): refuse(id, status: status, message: "malformed request")
        default: refuse(id, status: 400, message: "malformed request")
        }
    }

    /// Goes on with a request that waited for a decision.
    mutating func resumeStream(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        guard let partial = entry.pointee.partial else { return }
        entry.pointee.partial = nil
        let bytes = UnsafeMutableRawBufferPointer(start: partial.pointee.bytes, count: partial.pointee.count)
        if case .complete(let head) = RequestHead.parse(UnsafeRawBufferPointer(bytes), limit: bytes.count) {
            decide(id, head, bytes)
        }
        edge.free(partial)
        if edge.isOpen(id) { edge.acknowledgeInput(id.slot) }
    }

    /// - Parameter bytes: the head, and what has come of the body.
    private mutating func decide(_ id: ConnectionID, _ head: RequestHead, _ bytes: UnsafeMutableRawBufferPointer) {
        let entry = edge.connections[id.slot]
        if FieldText.isSame(head.method, "HEAD") { entry.pointee.flags.insert(.answersHead) }
        switch handler.headReceived(id, head, &edge) {
        case .webSocket(let subprotocol):
            openWebSocket(id, head, subprotocol, UnsafeMutableRawBufferPointer(rebasing: bytes[head.length...]))
        case .later(let timeoutMs):
            entry.pointee.partial = Partial.make(copying: UnsafeRawBufferPointer(bytes))
            entry.pointee.phase = .awaitingDecision
            entry.pointee.flags.insert(.isKnown)
            edge.setTimer(id, atMs: edge.nowMs + timeoutMs)
        case .refuse(let status, let message):
            refuse(id, status: status, message: message)
        case .read(let limit, let isTrusted):
            readBody(id, head, UnsafeRawBufferPointer(bytes), limit: limit, isTrusted: isTrusted)
        }
    }

    // MARK: Bodies

    private mutating func readBody(
        _ id: ConnectionID, _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, limit: Int, isTrusted: Bool
    ) {
        let body = UnsafeRawBufferPointer(rebasing: bytes[head.length...])
        guard max(head.contentLength, body.count) <= limit else {
            return refuse(id, status: 413, message: "the body is larger than the limit")
        }
        if edge.carried(id.slot).pointee.traits.contains(.hasEnded) { return dispatch(id, head, body: body) }
        let entry = edge.connections[id.slot]
        let partial = Partial.make(copying: bytes)
        partial.pointee.isTrusted = isTrusted
        guard edge.takeBudget(partial, body.count) else {
            edge.free(partial)
            return refuse(id, status: 503, message: "too many request bodies at a time")
        }
        entry.pointee.partial = partial
        entry.pointee.needed = UInt32(clamping: head.length + limit)
        entry.pointee.flags.insert(.readsBody)
        edge.setTimer(id, atMs: edge.nowMs + edge.configuration.bodyTimeoutMs)
        guard head.expectsContinue, body.isEmpty else { return }
        let interim: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
        edge.answerCarried(
            id.slot, UnsafeRawBufferPointer(start: interim.utf8Start, count: interim.utf8CodeUnitCount), .interim)
    }

    mutating func receivedBody(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        guard let partial = edge.connections[id.slot].pointee.partial else { return }
        guard partial.pointee.count + bytes.count <= Int(edge.connections[id.slot].pointee.needed) else {
            return refuse(id, status: 413, message: "the body is larger than the limit")
        }
        guard edge.takeBudget(partial, bytes.count) else {
            return refuse(id, status: 503, message: "too many request bodies at a time")
        }
        partial.pointee.append(bytes)
    }

    mutating func bodyEnded(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        guard entry.pointee.flags.contains(.readsBody), let partial = entry.pointee.partial else { return }
        entry.pointee.partial = nil
        let bytes = UnsafeRawBufferPointer(start: partial.pointee.bytes, count: partial.pointee.count)
        if case .complete(let head) = RequestHead.parse(bytes, limit: bytes.count) {
            dispatch(id, head, body: UnsafeRawBufferPointer(rebasing: bytes[head.length...]))
        }
        edge.free(partial)
    }

    // MARK: WebSockets

    /// Answers an extended CONNECT (RFC 8441).
    ///
    /// Frames follow, as on a connection of their own.
    ///
    /// - Parameter early: frames that have come already.
    private mutating func openWebSocket(
        _ id: ConnectionID, _ head: RequestHead, _ subprotocol: WebSocketHandshake.Subprotocol,
        _ early: UnsafeMutableRawBufferPointer
    ) {
        let (entry, state) = (edge.connections[id.slot], edge.carried(id.slot))
        guard state.pointee.traits.contains(.asksForWebSocket) else {
            return refuse(id, status: 400, message: "a WebSocket is opened by CONNECT")
        }
        var response = ByteWriter(capacity: 256)
        let compression = edge.configuration.compression ? PerMessageDeflate.accepted(in: head) : nil
        WebSocketHandshake.appendResponseOverHTTP2(
            subprotocol: subprotocol, compression: compression, into: &response)
        response.withBytes { edge.answerCarried(id.slot, $0, .withBody) }
        entry.pointee.phase = .webSocket
        state.pointee.traits.insert(.isWebSocket)
        edge.carriers.webSocketCount += 1
        if let compression {
            entry.pointee.compression = compression.windowBits
            entry.pointee.reader.acceptCompressed()
        }
        entry.pointee.flags.insert(.isKnown)
        edge.wheel.clear(id.slot, edge.connections)
        handler.webSocketOpened(id, head, subprotocol: subprotocol, &edge)
        if !early.isEmpty, edge.isOpen(id) { received(id, early) }
        if edge.isOpen(id), state.pointee.traits.contains(.hasEnded) { peerGone(id) }
    }
}
