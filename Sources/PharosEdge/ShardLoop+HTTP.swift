import CPharosSys
import PharosBytes

/// Requests: whole heads and bodies are collected for the handler.
///
/// The handler decides about each request. The connection stays the edge's.
extension ShardLoop where Handler: ~Copyable {
    mutating func receivedRequest(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        let entry = edge.connections[id.slot]
        guard let partial = entry.pointee.partial else {
            let consumed = parseRequests(id, bytes)
            if edge.isOpen(id), consumed < bytes.count {
                keep(id, UnsafeRawBufferPointer(rebasing: bytes[consumed...]))
            }
            return
        }
        guard !entry.pointee.flags.contains(.readsBody) || edge.takeBudget(partial, bytes.count) else {
            return refuse(id, status: 503, message: "too many request bodies at a time")
        }
        partial.pointee.append(UnsafeRawBufferPointer(bytes))
        parseKept(id)
    }

    /// Goes on with what was received while an answer was awaited.
    mutating func resume(_ id: ConnectionID) {
        guard edge.isOpen(id) else { return }
        let entry = edge.connections[id.slot]
        if entry.pointee.phase == .http2 { return resumeHTTP2(id) }
        guard entry.pointee.phase == .request else { return resumeFrames(id) }
        if entry.pointee.flags.contains(.isCarried) { return resumeStream(id) }
        if entry.pointee.flags.contains(.isPaused) {
            entry.pointee.flags.remove(.isPaused)
            edge.updateInterest(id.slot)
        }
        if entry.pointee.partial != nil { parseKept(id) }
    }

    private mutating func parseKept(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        guard let partial = entry.pointee.partial else { return }
        var body: WholeBody?
        if entry.pointee.flags.contains(.readsBody) {
            body = wholeBody(id, partial)
            if body == nil { return }
        }
        // Taken off the connection while its bytes are looked at: whatever ends the connection must not free them.
        entry.pointee.partial = nil
        let bytes = UnsafeMutableRawBufferPointer(start: partial.pointee.bytes, count: partial.pointee.count)
        var consumed = 0
        if let body, case .complete(let head) = parse(UnsafeRawBufferPointer(bytes)) {
            dispatch(id, head, body: UnsafeRawBufferPointer(rebasing: bytes[head.length..<body.end]))
            consumed = body.requestEnd
        }
        if edge.isOpen(id) {
            consumed += parseRequests(id, UnsafeMutableRawBufferPointer(rebasing: bytes[consumed...]))
        }
        guard edge.isOpen(id), consumed < bytes.count else { return edge.free(partial) }
        partial.pointee.removeFirst(consumed)
        edge.giveBackBudget(partial)
        partial.pointee.chunks = nil
        entry.pointee.partial = partial
    }

    /// Where a body that has arrived whole ends, and where its request does.
    private struct WholeBody {
        let end: Int
        let requestEnd: Int
    }

    /// nil: more must arrive, or the request has been refused.
    private mutating func wholeBody(_ id: ConnectionID, _ partial: UnsafeMutablePointer<Partial>) -> WholeBody? {
        let needed = Int(edge.connections[id.slot].pointee.needed)
        guard var chunks = partial.pointee.chunks else {
            return partial.pointee.count < needed ? nil : WholeBody(end: needed, requestEnd: needed)
        }
        let bytes = UnsafeMutableRawBufferPointer(start: partial.pointee.bytes, count: partial.pointee.count)
        let progress = chunks.decode(bytes, limit: needed)
        // The bytes between the decoded ones and the others are room again, or small chunks would fill the memory.
        if progress == .incomplete { partial.pointee.close(chunks.closeGap()) }
        partial.pointee.chunks = chunks
        switch progress {
        case .incomplete: return nil
        case .complete: return WholeBody(end: chunks.decodedEnd, requestEnd: chunks.inputStart)
        case .tooLarge, .malformed:
            refuseBody(id, progress)
            return nil
        }
    }

    private mutating func refuseBody(_ id: ConnectionID, _ progress: ChunkedBody.Progress) {
        if progress == .tooLarge {
            refuse(id, status: 413, message: "the body is larger than the limit")
        } else {
            refuse(id, status: 400, message: "malformed chunks")
        }
    }

    /// Keeps bytes for later.
    ///
    /// A peer that sends far ahead of the answers is not read until they are out.
    mutating func keep(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        let entry = edge.connections[id.slot]
        let isFirst = entry.pointee.partial == nil
        if let partial = entry.pointee.partial {
            partial.pointee.append(bytes)
        } else {
            entry.pointee.partial = Partial.make(copying: bytes)
            if entry.pointee.phase == .request {
                edge.setTimer(id, atMs: edge.nowMs + edge.configuration.headTimeoutMs)
            }
        }
        // A head that waits alone is no reason to overlook that its peer goes.
        let isAhead = entry.pointee.phase == .awaitingResponse || entry.pointee.phase == .awaitingDecision && !isFirst
        guard isAhead, !entry.pointee.flags.contains(.isPaused) else { return }
        entry.pointee.flags.insert(.isPaused)
        edge.updateInterest(id.slot)
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) -> RequestHead.ParseResult {
        RequestHead.parse(bytes, limit: edge.configuration.headSizeLimit)
    }

    /// Serves the requests at the front of `bytes`.
    ///
    /// - Returns: the number of bytes that are done with.
    private mutating func parseRequests(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
        var consumed = 0
        while consumed < bytes.count, edge.isOpen(id) {
            let entry = edge.connections[id.slot]
            guard entry.pointee.phase == .request else {
                let ahead = readAhead(id, UnsafeRawBufferPointer(rebasing: bytes[consumed...]))
                consumed += ahead
                // All of them may have been answered meanwhile.
                if ahead > 0, edge.isOpen(id), entry.pointee.phase == .request { continue }
                return passOn(id, bytes, consumed)
            }
            if consumed > 0, edge.isSliceSpent {
                edge.setAside(id.slot)
                return consumed
            }
            let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[consumed...])
            switch parse(UnsafeRawBufferPointer(rest)) {
            case .incomplete:
                return consumed
            case .http2Preface:
                // With TLS it is agreed on before (RFC 9113, section 3.2), and later than first it is no preface.
                guard entry.pointee.flags.isDisjoint(with: [.isSecure, .hasServed]), edge.beginCarrier(id.slot) else {
                    refuse(id, status: 505, message: "HTTP/1.1 is needed")
                    return bytes.count
                }
                receivedHTTP2(id, rest)
                return bytes.count
            case .refused(let status):
                refuse(id, status: status, message: "malformed request")
                return bytes.count
            case .complete(let head):
                guard let used = serve(id, head, rest) else { return consumed }
                consumed += used
            }
        }
        return consumed
    }

    /// Bytes have come behind requests that have no answers yet.
    mutating func receivedAhead(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        var consumed = 0
        if edge.connections[id.slot].pointee.partial == nil { consumed = readAhead(id, bytes) }
        guard edge.isOpen(id), consumed < bytes.count else { return }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
        keep(id, rest)
        // All of them may have been answered meanwhile, so that no answer leads on to the rest.
        if edge.connections[id.slot].pointee.phase == .request { edge.resumed.append(id) }
    }

    /// Hands on requests behind one that has no answer yet.
    ///
    /// It does so as far as the handler takes them.
    ///
    /// - Returns: the number of bytes that are done with.
    private mutating func readAhead(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) -> Int {
        var consumed = 0
        while consumed < bytes.count, edge.isOpen(id), edge.mayReadAhead(id.slot), !edge.isSliceSpent {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
            guard case .complete(let head) = parse(rest), head.minorVersion == 1, head.keepsAlive, !head.isChunked,
                !FieldText.isSame(head.method, "HEAD")
            else { break }
            let length = max(head.contentLength, 0)
            guard rest.count - head.length >= length, let limit = handler.readsAhead(id, head, edge), length <= limit
            else { break }
            edge.noteReadAhead(id.slot)
            edge.counters.messagesReceived += 1
            consumed += head.length + length
            let body = UnsafeRawBufferPointer(rebasing: rest[head.length..<head.length + length])
            handler.requestReceived(id, head, body: body, &edge)
            edge.spend(head.length + length + Edge.requestCost)
        }
        return consumed
    }

    /// Goes on with the bytes behind a request that has no answer yet.
    ///
    /// It may also be one that ended the requests.
    ///
    /// - Returns: the bytes that are done with.
    private mutating func passOn(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer, _ consumed: Int) -> Int {
        switch edge.connections[id.slot].pointee.phase {
        case .webSocket: receivedFrames(id, UnsafeMutableRawBufferPointer(rebasing: bytes[consumed...]))
        case .streaming: edge.ignoreInput(id.slot, bytes.count - consumed)
        case .request, .awaitingDecision, .awaitingResponse: return consumed
        case .closing, .detached, .http2, .free: break
        }
        return bytes.count
    }

    /// Serves one request; the bytes it took, nil when the handler will decide later.
    private mutating func serve(
        _ id: ConnectionID, _ head: RequestHead, _ bytes: UnsafeMutableRawBufferPointer
    ) -> Int? {
        let entry = edge.connections[id.slot]
        // An answer is written by the request that it is for.
        entry.pointee.flags.subtract([.isOldRequest, .answersHead])
        entry.pointee.flags.insert(.hasServed)
        if head.minorVersion == 0 { entry.pointee.flags.insert(.isOldRequest) }
        if FieldText.isSame(head.method, "HEAD") { entry.pointee.flags.insert(.answersHead) }
        switch handler.headReceived(id, head, &edge) {
        case .webSocket(let subprotocol):
            upgrade(id, head, subprotocol)
            return head.length
        case .later(let timeoutMs):
            entry.pointee.phase = .awaitingDecision
            entry.pointee.flags.insert(.isKnown)
            edge.setTimer(id, atMs: edge.nowMs + timeoutMs)
            return nil
        case .refuse(let status, let message):
            if let length = refuseAndStay(id, head, bytes.count, status, message) { return length }
            refuse(id, status: status, message: message)
            return bytes.count
        case .read(let limit, let isTrusted):
            return read(id, head, bytes, limit: limit, isTrusted: isTrusted)
        }
    }

    /// Serves a request whose body has arrived whole, or begins to read it.
    ///
    /// - Returns: the bytes that are done with.
    private mutating func read(
        _ id: ConnectionID, _ head: RequestHead, _ bytes: UnsafeMutableRawBufferPointer, limit: Int, isTrusted: Bool
    ) -> Int {
        var chunks: ChunkedBody?
        if head.isChunked {
            var body = ChunkedBody(start: head.length)
            let progress = body.decode(bytes, limit: limit)
            switch progress {
            case .complete:
                dispatch(id, head, body: UnsafeRawBufferPointer(rebasing: bytes[head.length..<body.decodedEnd]))
                return body.inputStart
            case .tooLarge, .malformed:
                refuseBody(id, progress)
                return bytes.count
            case .incomplete: chunks = body
            }
        } else {
            let length = max(head.contentLength, 0)
            guard length <= limit else {
                refuse(id, status: 413, message: "the body is larger than the limit")
                return bytes.count
            }
            let total = head.length + length
            if bytes.count >= total {
                dispatch(id, head, body: UnsafeRawBufferPointer(rebasing: bytes[head.length..<total]))
                return total
            }
        }
        beginBody(id, head, UnsafeRawBufferPointer(bytes), chunks, limit: limit, isTrusted: isTrusted)
        return bytes.count
    }

    /// Keeps the head and what has arrived of the body until all of it is there.
    private mutating func beginBody(
        _ id: ConnectionID, _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, _ chunks: ChunkedBody?, limit: Int,
        isTrusted: Bool
    ) {
        let entry = edge.connections[id.slot]
        let partial = Partial.make(copying: bytes)
        partial.pointee.isTrusted = isTrusted
        partial.pointee.chunks = chunks
        guard edge.takeBudget(partial, bytes.count - head.length) else {
            edge.free(partial)
            return refuse(id, status: 503, message: "too many request bodies at a time")
        }
        entry.pointee.partial = partial
        entry.pointee.needed = UInt32(clamping: chunks == nil ? head.length + max(head.contentLength, 0) : limit)
        entry.pointee.flags.insert(.readsBody)
        edge.setTimer(id, atMs: edge.nowMs + edge.configuration.bodyTimeoutMs)
        // A client that has begun to send the body waits for nothing (RFC 9110, section 10.1.1).
        if head.expectsContinue, bytes.count == head.length {
            let interim: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"
            edge.append(
                id.slot, UnsafeRawBufferPointer(start: interim.utf8Start, count: interim.utf8CodeUnitCount))
        }
    }

    mutating func dispatch(_ id: ConnectionID, _ head: RequestHead, body: UnsafeRawBufferPointer) {
        let entry = edge.connections[id.slot]
        // Known is from here on who is parked.
        entry.pointee.flags.subtract([.readsBody, .isKnown])
        entry.pointee.phase = .awaitingResponse
        if !head.keepsAlive { entry.pointee.flags.insert(.closesWhenSent) }
        edge.counters.messagesReceived += 1
        handler.requestReceived(id, head, body: body, &edge)
        edge.spend(head.length + body.count + Edge.requestCost)
    }

    private mutating func upgrade(
        _ id: ConnectionID, _ head: RequestHead, _ subprotocol: WebSocketHandshake.Subprotocol
    ) {
        let entry = edge.connections[id.slot]
        var response = ByteWriter(capacity: 256)
        let compression = edge.configuration.compression ? PerMessageDeflate.accepted(in: head) : nil
        WebSocketHandshake.appendResponse(
            head, subprotocol: subprotocol, compression: compression, into: &response)
        response.withBytes { edge.append(id.slot, $0) }
        entry.pointee.phase = .webSocket
        if let compression {
            entry.pointee.compression = compression.windowBits
            entry.pointee.reader.acceptCompressed()
        }
        entry.pointee.flags.formUnion([.isKnown, .beginsWithHead])
        edge.wheel.clear(id.slot, edge.connections)
        handler.webSocketOpened(id, head, subprotocol: subprotocol, &edge)
    }

    /// Answers a request that has arrived whole with an error.
    ///
    /// - Returns: its bytes; nil: the next one's beginning is not known, or there are to be fewer connections.
    private mutating func refuseAndStay(
        _ id: ConnectionID, _ head: RequestHead, _ count: Int, _ status: Int, _ message: StaticString
    ) -> Int? {
        let total = head.length + max(head.contentLength, 0)
        guard !head.isChunked, count >= total, status != 429, status != 503 else { return nil }
        let entry = edge.connections[id.slot]
        tellClosed(id)
        edge.counters.refused[status, default: 0] += 1
        edge.spend(total + Edge.requestCost)
        entry.pointee.phase = .awaitingResponse
        if !head.keepsAlive { entry.pointee.flags.insert(.closesWhenSent) }
        let form = ResponseForm(status: status, challenge: "apikey")
        let body = ShardLoop.refusal(status, message)
        body.withBytes {
            edge.appendResponse(
                id.slot, form, headers: UnsafeRawBufferPointer(start: nil, count: 0), body: $0,
                closes: !head.keepsAlive)
        }
        edge.finishResponse(id)
        return total
    }

    private static func refusal(_ status: Int, _ message: StaticString) -> ByteWriter {
        var body = ByteWriter(capacity: 128)
        body.append("{\"error\":{\"code\":")
        body.appendDecimal(status)
        body.append(",\"message\":\"")
        body.append(message)
        body.append("\"}}")
        return body
    }

    /// Answers with an error and closes when it has been sent.
    mutating func refuse(_ id: ConnectionID, status: Int, message: StaticString) {
        tellClosed(id)
        let entry = edge.connections[id.slot]
        edge.counters.refused[status, default: 0] += 1
        let form = ResponseForm(status: status, challenge: "apikey")
        let body = ShardLoop.refusal(status, message)
        body.withBytes {
            edge.appendResponse(
                id.slot, form, headers: UnsafeRawBufferPointer(start: nil, count: 0), body: $0, closes: true)
        }
        entry.pointee.phase = .closing
        entry.pointee.flags.insert(.lingers)
        // The kept bytes of the request are not needed any more.
        if let partial = entry.pointee.partial {
            entry.pointee.partial = nil
            edge.free(partial)
        }
        edge.wheel.set(id.slot, atMs: edge.nowMs + edge.configuration.writeTimeoutMs, edge.connections)
    }

    mutating func requestTimedOut(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        if entry.pointee.partial == nil { return end(id) }
        refuse(id, status: 408, message: "the request did not arrive in time")
    }

    /// Refuses a request about which no decision came in time.
    mutating func decisionTimedOut(_ id: ConnectionID) {
        refuse(id, status: 503, message: "there was no decision about the request in time")
    }
}
