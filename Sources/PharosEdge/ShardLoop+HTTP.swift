import PharosBytes
import CPharosSys

/// Requests: whole heads and bodies are collected, the handler says who serves them.
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
        partial.pointee.append(UnsafeRawBufferPointer(bytes))
        parseKept(id)
    }

    /// Goes on with what was received while an answer was awaited.
    mutating func resume(_ id: ConnectionID) {
        guard edge.isOpen(id) else { return }
        let entry = edge.connections[id.slot]
        guard entry.pointee.phase == .request else { return resumeFrames(id) }
        if entry.pointee.flags.contains(.isPaused) {
            entry.pointee.flags.remove(.isPaused)
            edge.updateInterest(id.slot)
        }
        if entry.pointee.partial != nil { parseKept(id) }
    }

    private mutating func parseKept(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        guard let partial = entry.pointee.partial else { return }
        if entry.pointee.flags.contains(.readsBody), partial.pointee.count < Int(entry.pointee.needed) { return }
        // Taken off the connection while its bytes are looked at: whatever ends the connection must not free them.
        entry.pointee.partial = nil
        let bytes = UnsafeMutableRawBufferPointer(start: partial.pointee.bytes, count: partial.pointee.count)
        let consumed = parseRequests(id, bytes)
        guard edge.isOpen(id), consumed < bytes.count else { return Partial.free(partial) }
        partial.pointee.removeFirst(consumed)
        entry.pointee.partial = partial
    }

    /// Keeps bytes for later; a peer that sends far ahead of the answers is not read until they are out.
    mutating func keep(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        let entry = edge.connections[id.slot]
        let isFirst = entry.pointee.partial == nil
        if let partial = entry.pointee.partial {
            partial.pointee.append(bytes)
        } else {
            entry.pointee.partial = Partial.make(copying: bytes)
            if entry.pointee.phase == .request, !entry.pointee.flags.contains(.readsBody) {
                edge.setTimer(id, atMs: edge.nowMs + edge.configuration.headTimeoutMs)
            }
        }
        // A head that waits alone is no reason to overlook that its peer goes.
        let isAhead = entry.pointee.phase == .awaitingResponse || entry.pointee.phase == .awaitingDecision && !isFirst
        guard isAhead, !entry.pointee.flags.contains(.isPaused) else { return }
        entry.pointee.flags.insert(.isPaused)
        edge.updateInterest(id.slot)
    }

    /// Serves the requests at the front of `bytes`; the number of bytes that are done with.
    private mutating func parseRequests(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
        var consumed = 0
        while consumed < bytes.count, edge.isOpen(id) {
            let entry = edge.connections[id.slot]
            guard entry.pointee.phase == .request else {
                return passOn(id, bytes, consumed)
            }
            let rest = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[consumed...])
            switch RequestHead.parse(rest, limit: edge.configuration.headSizeLimit) {
            case .incomplete:
                return consumed
            case .http2Preface:
                handOver(id, rest)
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

    /// What stands behind a request that was not answered yet, or that ended the requests; the bytes that are done with.
    private mutating func passOn(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer, _ consumed: Int) -> Int {
        switch edge.connections[id.slot].pointee.phase {
        case .webSocket: receivedFrames(id, UnsafeMutableRawBufferPointer(rebasing: bytes[consumed...]))
        case .streaming: edge.ignoreInput(id.slot, bytes.count - consumed)
        case .request, .awaitingDecision, .awaitingResponse: return consumed
        case .closing, .detached, .free: break
        }
        return bytes.count
    }

    /// Serves one request; the bytes it took, nil when more must arrive first.
    private mutating func serve(_ id: ConnectionID, _ head: RequestHead, _ bytes: UnsafeRawBufferPointer) -> Int? {
        let entry = edge.connections[id.slot]
        if entry.pointee.flags.contains(.readsBody) {
            guard bytes.count >= Int(entry.pointee.needed) else { return nil }
            return dispatch(id, head, bytes, total: Int(entry.pointee.needed))
        }
        switch handler.headReceived(id, head, &edge) {
        case .webSocket(let subprotocol):
            upgrade(id, head, subprotocol)
            return head.length
        case .upgrade(let name):
            upgrade(id, head, .none, named: name)
            return head.length
        case .later(let timeoutMs):
            entry.pointee.phase = .awaitingDecision
            entry.pointee.flags.insert(.isKnown)
            edge.setTimer(id, atMs: edge.nowMs + timeoutMs)
            return nil
        case .handOver:
            handOver(id, bytes)
            return bytes.count
        case .refuse(let status, let message):
            refuse(id, status: status, message: message)
            return bytes.count
        case .read(let limit):
            // A body without a stated length, or one that waits for a 100, is the library's to read.
            if head.isChunked || head.expectsContinue || head.minorVersion == 0 {
                handOver(id, bytes)
                return bytes.count
            }
            let length = max(head.contentLength, 0)
            guard length <= limit else {
                refuse(id, status: 413, message: "the body is larger than the limit")
                return bytes.count
            }
            let total = head.length + length
            if bytes.count >= total { return dispatch(id, head, bytes, total: total) }
            entry.pointee.needed = UInt32(total)
            entry.pointee.flags.insert(.readsBody)
            edge.setTimer(id, atMs: edge.nowMs + edge.configuration.bodyTimeoutMs)
            return nil
        }
    }

    private mutating func dispatch(
        _ id: ConnectionID, _ head: RequestHead, _ bytes: UnsafeRawBufferPointer, total: Int
    ) -> Int {
        let entry = edge.connections[id.slot]
        // Known is from here on who is parked.
        entry.pointee.flags.subtract([.readsBody, .isKnown])
        entry.pointee.phase = .awaitingResponse
        if !head.keepsAlive { entry.pointee.flags.insert(.closesWhenSent) }
        edge.counters.messagesReceived += 1
        let body = UnsafeRawBufferPointer(rebasing: bytes[head.length..<total])
        handler.requestReceived(id, head, body: body, &edge)
        return total
    }

    private mutating func upgrade(
        _ id: ConnectionID, _ head: RequestHead, _ subprotocol: WebSocketHandshake.Subprotocol, named name: String = ""
    ) {
        let entry = edge.connections[id.slot]
        var response = ByteWriter(capacity: 256)
        let compression = edge.configuration.compression ? PerMessageDeflate.accepted(in: head) : nil
        WebSocketHandshake.appendResponse(
            head, subprotocol: subprotocol, named: name, compression: compression, into: &response)
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

    /// Answers with an error and closes when it has been sent.
    mutating func refuse(_ id: ConnectionID, status: Int, message: StaticString) {
        tellClosed(id)
        let entry = edge.connections[id.slot]
        edge.counters.refused[status, default: 0] += 1
        var body = ByteWriter(capacity: 128)
        body.append("{\"error\":{\"code\":")
        body.appendDecimal(status)
        body.append(",\"message\":\"")
        body.append(message)
        body.append("\"}}")
        body.withBytes {
            edge.appendResponse(
                id.slot, ResponseForm(status: status), headers: UnsafeRawBufferPointer(start: nil, count: 0), body: $0,
                closes: true)
        }
        entry.pointee.phase = .closing
        entry.pointee.flags.insert(.lingers)
        edge.wheel.set(id.slot, atMs: edge.nowMs + edge.configuration.writeTimeoutMs, edge.connections)
    }

    mutating func requestTimedOut(_ id: ConnectionID) {
        let entry = edge.connections[id.slot]
        if entry.pointee.partial == nil { return end(id) }
        refuse(id, status: 408, message: "the request did not arrive in time")
    }

    /// Nobody said who serves the request.
    mutating func decisionTimedOut(_ id: ConnectionID) {
        refuse(id, status: 503, message: "there was no decision about the request in time")
    }

    /// Gives the connection and the bytes read so far to whoever serves what the edge does not.
    private mutating func handOver(_ id: ConnectionID, _ bytes: UnsafeRawBufferPointer) {
        tellClosed(id)
        let entry = edge.connections[id.slot]
        if entry.pointee.firstSegment != .max { edge.flush(id.slot) }
        guard edge.isOpen(id) else { return }
        guard entry.pointee.firstSegment == .max else { return end(id) }
        if let sink = edge.sinks[id.slot]?.sink {
            edge.counters.handedOver += 1
            sink.handOver(Array(bytes))
            edge.destroy(id.slot, keepsDescriptor: true)
            return
        }
        guard let adopter = edge.adopter else {
            return refuse(id, status: 404, message: "not found")
        }
        edge.counters.handedOver += 1
        let descriptor = entry.pointee.descriptor
        _ = pharos_epoll_control(edge.epoll, 3, descriptor, 0, 0, 0)
        edge.destroy(id.slot, keepsDescriptor: true)
        adopter.adopt(descriptor: descriptor, bytes: Array(bytes))
    }
}
