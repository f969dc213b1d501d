import PharosBytes

/// Answers to the requests that `requestReceived` brought, at once or later.
extension Edge {
    /// Answers a request.
    ///
    /// The connection goes on with its next one unless the client asked for its end.
    ///
    /// A 204 goes without body, length and type (RFC 9110, section 8.6).
    ///
    /// - Parameters:
    ///   - headers: further field lines, each with CR LF at its end.
    ///   - retryAfter: seconds for `Retry-After`; nil: 1 with 429 and 503, else no such header.
    package mutating func respond(
        _ id: ConnectionID, status: Int, contentType: StaticString = "application/json",
        headers: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), retryAfter: Int? = nil,
        body: UnsafeRawBufferPointer
    ) {
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingResponse else { return }
        let form = ResponseForm(status: status, contentType: contentType, retryAfter: retryAfter)
        let closes = connections[id.slot].pointee.flags.contains(.closesWhenSent)
        appendResponse(id.slot, form, headers: headers, body: body, closes: closes)
        finishResponse(id)
    }

    /// Answers a request with field lines that give the body's type.
    ///
    /// Otherwise as above.
    ///
    /// - Parameters:
    ///   - fields: each with CR LF at its end; without Date, Connection, Content-Length and Transfer-Encoding.
    ///   - length: what `Content-Length` says in the answer to a HEAD; nil: the body's length.
    package mutating func respond(
        _ id: ConnectionID, status: Int, fields: UnsafeRawBufferPointer, length: Int?, body: UnsafeRawBufferPointer
    ) {
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingResponse else { return }
        let form = ResponseForm(status: status, contentType: nil, retryAfter: nil, length: length)
        let closes = connections[id.slot].pointee.flags.contains(.closesWhenSent)
        appendResponse(id.slot, form, headers: fields, body: body, closes: closes)
        finishResponse(id)
    }

    /// Keeps a request for a later answer.
    ///
    /// `connectionClosed` is called if the peer goes before, and `timerFired` when its timer fires.
    ///
    /// The timer is cleared. A peer that closes its half has gone. What it sends behind the request waits as usual. Any
    /// answer ends the parking.
    package mutating func park(_ id: ConnectionID) {
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingResponse else { return }
        connections[id.slot].pointee.flags.insert(.isKnown)
        wheel.clear(id.slot, connections)
    }

    // MARK: One answer for many

    /// Makes an answer that `respond` gives to many connections uncopied.
    ///
    /// It is valid until the end of this turn.
    ///
    /// The parameters are those of `respond`.
    package mutating func prepareResponse(
        status: Int, contentType: StaticString = "application/json",
        headers: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), retryAfter: Int? = nil,
        body: UnsafeRawBufferPointer
    ) -> PreparedResponse {
        let form = ResponseForm(status: status, contentType: contentType, retryAfter: retryAfter)
        var text = ByteWriter(capacity: 512 + 2 * headers.count + body.count)
        appendResponseHead(form, headers: headers, bodyCount: body.count, connection: .closes, into: &text)
        let keepAliveStart = text.count
        appendResponseHead(form, headers: headers, bodyCount: body.count, connection: .stays, into: &text)
        let bodyStart = text.count
        if form.hasBody { text.append(body) }
        let block = pool.take(capacity: text.count)
        text.withBytes { block.append($0) }
        prepared.append(block)
        return PreparedResponse(block: block, keepAliveStart: keepAliveStart, bodyStart: bodyStart, turn: turn)
    }

    /// Answers a request with what `prepareResponse` made in this turn.
    package mutating func respond(_ id: ConnectionID, _ response: PreparedResponse) {
        precondition(response.turn == turn, "a prepared response is for the turn it was made in")
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingResponse else { return }
        if connections[id.slot].pointee.flags.contains(.isCarried) {
            answerCarried(id.slot, response)
            return finishResponse(id)
        }
        // The shared head does not say that the connection stays, as HTTP/1.0 demands.
        let isOld = connections[id.slot].pointee.flags.contains(.isOldRequest)
        if isOld { connections[id.slot].pointee.flags.insert(.closesWhenSent) }
        if connections[id.slot].pointee.flags.contains(.closesWhenSent) {
            enqueue(id.slot, response.block, offset: 0, length: response.keepAliveStart)
            enqueue(id.slot, response.block, offset: response.bodyStart)
        } else {
            enqueue(id.slot, response.block, offset: response.keepAliveStart)
        }
        finishResponse(id)
    }

    /// Frees the prepared answers, at the end of a turn.
    ///
    /// Connections whose answer still waits have references of their own.
    mutating func releasePrepared() {
        while let block = prepared.popLast() { pool.release(block) }
    }

    // MARK: Parts

    /// The answer is in the queue: on with the next request, or with the end.
    mutating func finishResponse(_ id: ConnectionID) {
        let entry = connections[id.slot]
        entry.pointee.flags.remove(.isKnown)
        if entry.pointee.flags.contains(.isCarried) { return finishCarried(id.slot) }
        if entry.pointee.flags.contains(.closesWhenSent) {
            entry.pointee.phase = .closing
            wheel.set(id.slot, atMs: nowMs + configuration.closeTimeoutMs, connections)
        } else {
            entry.pointee.phase = .request
            entry.pointee.flags.subtract([.isOldRequest, .answersHead, .mayReadAhead])
            wheel.set(id.slot, atMs: nowMs + configuration.idleTimeoutMs, connections)
            if entry.pointee.partial != nil || entry.pointee.flags.contains(.isPaused) { resumed.append(id) }
        }
    }

    mutating func appendResponse(
        _ slot: UInt32, _ form: ResponseForm, headers: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer,
        closes: Bool
    ) {
        var response = ByteWriter(capacity: 256 + headers.count)
        if connections[slot].pointee.flags.contains(.isCarried) {
            appendResponseHead(form, headers: headers, bodyCount: body.count, connection: .stays, into: &response)
            return answerCarried(
                slot, response, body: form.hasBody ? body : UnsafeRawBufferPointer(start: nil, count: 0))
        }
        writeResponse(slot, form, headers: headers, body: body, closes: closes, into: &response)
        response.withBytes { append(slot, $0) }
    }

    /// Writes a whole answer to the request that is being answered.
    mutating func writeResponse(
        _ slot: UInt32, _ form: ResponseForm, headers: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer,
        closes: Bool, into response: inout ByteWriter
    ) {
        let flags = connections[slot].pointee.flags
        let connection: ConnectionField =
            closes ? .closes : flags.contains(.isOldRequest) ? .staysThough10 : .stays
        appendResponseHead(form, headers: headers, bodyCount: body.count, connection: connection, into: &response)
        if form.hasBody, !flags.contains(.answersHead) { response.append(body) }
    }

    /// The statement about the connection in an answer (RFC 9112, section 9.3).
    private enum ConnectionField {
        case closes
        /// HTTP/1.1: nothing is said.
        case stays
        /// HTTP/1.0: that must be said.
        case staysThough10
    }

    /// Status line and field lines up to the empty line.
    private mutating func appendResponseHead(
        _ form: ResponseForm, headers: UnsafeRawBufferPointer, bodyCount: Int, connection: ConnectionField,
        into head: inout ByteWriter
    ) {
        head.append("HTTP/1.1 ")
        HTTPStatus.append(form.status, into: &head)
        if form.hasBody {
            if bodyCount > 0, let contentType = form.contentType {
                head.append("\r\nContent-Type: ")
                head.append(contentType)
            }
            head.append("\r\nContent-Length: ")
            head.appendDecimal(form.length ?? bodyCount)
        }
        head.append("\r\nDate: ")
        date.append(wallMs: wallMs, into: &head)
        switch connection {
        case .closes: head.append("\r\nConnection: close")
        case .stays: break
        case .staysThough10: head.append("\r\nConnection: keep-alive")
        }
        if form.status == 401 {
            head.append("\r\nWWW-Authenticate: ")
            head.append(form.challenge)
        }
        if form.status == 426 { head.append("\r\nSec-WebSocket-Version: 13") }
        if let seconds = form.retryAfter {
            head.append("\r\nRetry-After: ")
            head.appendDecimal(seconds)
        }
        head.append("\r\n")
        head.append(headers)
        head.append("\r\n")
    }
}

/// The part of an answer that does not depend on the connection.
struct ResponseForm {
    let status: Int
    /// nil: that stands among the other fields.
    let contentType: StaticString?
    /// Seconds.
    let retryAfter: Int?
    /// The value of `Content-Length`; nil: the body's length.
    let length: Int?
    /// How to show who one is, with 401 (RFC 9110, section 11.6.1).
    let challenge: StaticString

    /// Whether an answer of this status has a body, or says its length.
    ///
    /// See RFC 9110, section 6.4.1.
    var hasBody: Bool { status != 204 && status != 304 }

    init(
        status: Int, contentType: StaticString? = "application/json", retryAfter: Int? = nil, length: Int? = nil,
        challenge: StaticString = "Bearer"
    ) {
        self.status = status
        self.contentType = contentType
        self.length = length
        self.challenge = challenge
        self.retryAfter = retryAfter ?? (status == 503 || status == 429 ? 1 : nil)
    }
}

/// A whole answer in a block that many connections share.
///
/// It is written once with `Connection: close`, once without.
///
/// The block holds the closing head, then the other one, then the body that follows both.
package struct PreparedResponse {
    let block: BlockPointer
    let keepAliveStart: Int
    let bodyStart: Int
    let turn: UInt64
}
