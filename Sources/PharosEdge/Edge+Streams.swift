package import PharosBytes
import PharosHTTP2

/// Streaming answers: a response that goes on in chunks until one side ends it.
extension Edge {
    /// Bytes that a peer may send during a stream; nothing is expected of it.
    static var streamInputLimit: UInt32 { 16_384 }

    /// Answers a request with status 200 and a body that is still to come.
    ///
    /// From now on the connection is a stream. It takes `.chunk`, by `send` and through topics. The handler's
    /// `becameSlow`, `writeTimedOut`, `timerFired` and `connectionClosed` are called as for a WebSocket; the
    /// connection's timer is cleared. A peer that closes its half has gone. The connection serves no further request
    /// (RFC 9112, section 9.6).
    ///
    /// HTTP/1.0 knows no chunks (RFC 9112, section 7.1): there the body goes on until the connection ends, and payloads
    /// sent with `.chunk` go as they are; so they do on a stream of HTTP/2. Payloads published to such a connection must be `.bare`: see `isUnchunked`.
    ///
    /// - Parameter head: field lines, each with CR LF at its end; without Date, Connection and Transfer-Encoding.
    package mutating func beginStream(_ id: ConnectionID, head fields: UnsafeRawBufferPointer) {
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingResponse else { return }
        let entry = connections[id.slot]
        var head = ByteWriter(capacity: 256 + fields.count)
        head.append("HTTP/1.1 200 OK\r\n")
        head.append(fields)
        head.append("Date: ")
        date.append(wallMs: wallMs, into: &head)
        if !entry.pointee.flags.contains(.isOldRequest) { head.append("\r\nTransfer-Encoding: chunked") }
        head.append("\r\nConnection: close\r\n\r\n")
        let isCarried = entry.pointee.flags.contains(.isCarried)
        head.withBytes { if isCarried { answerCarried(id.slot, $0, .withBody) } else { append(id.slot, $0) } }
        wheel.clear(id.slot, connections)
        entry.pointee.phase = .streaming
        entry.pointee.flags.remove(.closesWhenSent)
        entry.pointee.flags.formUnion(isCarried ? .isKnown : [.isKnown, .beginsWithHead])
        entry.pointee.needed = 0
        if let partial = entry.pointee.partial {
            entry.pointee.partial = nil
            ignoreInput(id.slot, partial.pointee.count)
            free(partial)
        }
        if entry.pointee.flags.contains(.isPaused) {
            entry.pointee.flags.remove(.isPaused)
            updateInterest(id.slot)
        }
    }

    /// Whether the connection's stream, begun or not, goes without chunks.
    ///
    /// Its request is HTTP/1.0, or HTTP/2, which has frames of its own.
    package func isUnchunked(_ id: ConnectionID) -> Bool {
        isOpen(id) && !connections[id.slot].pointee.flags.isDisjoint(with: [.isOldRequest, .isCarried])
    }

    package mutating func beginStream(_ id: ConnectionID, head: borrowing ByteWriter) {
        head.withBytes { beginStream(id, head: $0) }
    }

    /// Sends the last chunk and ends the connection.
    ///
    /// It ends as soon as the peer has closed, or after the close timeout.
    ///
    /// The handler is not called for this connection any more. `dropsQueue` is that of `closeWebSocket`.
    ///
    /// - Parameter lastWords: a chunk that is sent before the end, also when what waits is dropped.
    package mutating func endStream(
        _ id: ConnectionID, lastWords: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        dropsQueue: Bool = false
    ) {
        guard isOpen(id), connections[id.slot].pointee.phase == .streaming else { return }
        if dropsQueue { dropWaitingOutput(id.slot) }
        send(id, .chunk, lastWords)
        if !isUnchunked(id) {
            let end: StaticString = "0\r\n\r\n"
            append(id.slot, UnsafeRawBufferPointer(start: end.utf8Start, count: end.utf8CodeUnitCount))
        }
        connections[id.slot].pointee.flags.insert(.lingers)
        beginClosing(id.slot, dropsQueue: dropsQueue)
    }

    /// Counts what a peer says during a stream; one that says much is no reader.
    mutating func ignoreInput(_ slot: UInt32, _ count: Int) {
        let entry = connections[slot]
        entry.pointee.needed += UInt32(clamping: count)
        if entry.pointee.needed > Edge.streamInputLimit { fail(slot) }
    }
}
