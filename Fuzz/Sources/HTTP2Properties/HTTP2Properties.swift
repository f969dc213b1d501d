import CPharosHTTP2
import PharosHTTP2

/// The properties of an HTTP/2 session for every input.
///
/// Nil: it holds; otherwise what was violated.
package enum HTTP2Properties {
    private static let opening: [UInt8] =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]

    private static let limits: HTTP2Limits = {
        var limits = HTTP2Limits()
        limits.maxStreams = 8
        limits.headSizeLimit = 1_024
        return limits
    }()

    /// Checks one input.
    ///
    /// Its first byte says whether the connection has begun, the second where the rest is cut.
    package static func receive(_ input: UnsafeRawBufferPointer) -> String? {
        guard input.count > 2 else { return nil }
        let bytes = (input[0] % 4 == 0 ? [] : opening) + input[2...]
        let cut = min(Int(input[1]) * 4, bytes.count)
        return sameInPieces(bytes, cut) ?? answered(bytes, cut)
    }

    /// A session's result for some input.
    private struct Outcome: Equatable {
        var heads: [Int32: [UInt8]] = [:]
        var bodies: [Int32: [UInt8]] = [:]
        var ends: [Int32] = []
        var end: HTTP2End?
    }

    /// Reports do not depend on how the bytes were cut.
    private static func sameInPieces(_ bytes: [UInt8], _ cut: Int) -> String? {
        var outcomes: [Outcome] = []
        for cuts in [[bytes.count], [cut, bytes.count]] {
            guard let session = HTTP2Session(limits) else { return nil }
            var inbox = HTTP2Inbox()
            var outcome = Outcome()
            let violation = bytes.withUnsafeBytes { whole -> String? in
                var start = 0
                for end in cuts {
                    while start < end {
                        let taken = session.receive(
                            UnsafeRawBufferPointer(rebasing: whole[start..<end]), atMs: 0, &inbox)
                        guard taken > 0 || end - start == 0 else { return "no progress" }
                        guard taken <= end - start else { return "more taken than there is" }
                        start += taken
                    }
                }
                return note(inbox, &outcome)
            }
            if let violation { return violation }
            outcomes.append(outcome)
        }
        return outcomes[0] == outcomes[1] ? nil : "pieces mean something else"
    }

    private static func note(_ inbox: borrowing HTTP2Inbox, _ outcome: inout Outcome) -> String? {
        for index in 0..<inbox.count {
            let event = inbox[index]
            switch event.kind {
            case .head(let traits):
                let text = Array(inbox.text(of: index))
                guard traits.contains(.isTooLong) || isOneHead(text) else { return "a head that is not one" }
                guard text.count < limits.headSizeLimit + 512 else { return "a head beyond the limit" }
                outcome.heads[event.stream] = text
            case .data(let bytes): outcome.bodies[event.stream, default: []] += bytes
            case .end: outcome.ends.append(event.stream)
            case .closed, .sent, .none: break
            }
        }
        return nil
    }

    /// Whether a text has one empty line, at its end, and all of its lines end alike.
    private static func isOneHead(_ text: [UInt8]) -> Bool {
        guard text.suffix(4).elementsEqual([13, 10, 13, 10]) else { return false }
        for index in text.indices where text[index] == 10 || text[index] == 13 || text[index] == 0 {
            let isEnd =
                text[index] == 10 ? index > 0 && text[index - 1] == 13 : index + 1 < text.count && text[index + 1] == 10
            guard isEnd, text[index] != 0 else { return false }
            if text[index] == 10, index >= 3, text[index - 2] == 10, index != text.count - 1 { return false }
        }
        return true
    }

    // MARK: Answers

    /// Where the answers' bodies come from, and what became of them.
    private struct Bodies {
        var rest: [UInt64: Int] = [:]
        var frames = 0
        var violation: String?
    }

    /// Answers each request with a body.
    ///
    /// Whatever the client sends, all that leaves are whole frames.
    private static func answered(_ bytes: [UInt8], _ cut: Int) -> String? {
        guard let session = HTTP2Session(limits) else { return nil }
        var inbox = HTTP2Inbox()
        var bodies = Bodies()
        var output: [UInt8] = []
        for piece in [bytes[..<cut], bytes[cut...]] {
            var rest = piece
            while !rest.isEmpty {
                let taken = rest.withUnsafeBytes { session.receive($0, atMs: 0, &inbox) }
                for index in 0..<inbox.count { answer(session, inbox[index], &bodies) }
                inbox.removeAll()
                guard taken > 0 else { return "no progress" }
                rest = rest.dropFirst(taken)
            }
            send(session, &inbox, &bodies, &output)
        }
        return bodies.violation ?? (areFrames(output) ? nil : "the output is no frames")
    }

    private static func answer(_ session: borrowing HTTP2Session, _ event: HTTP2Event, _ bodies: inout Bodies) {
        switch event.kind {
        case .head:
            let tag = UInt64(event.stream)
            session.setTag(tag, of: event.stream)
            bodies.rest[tag] = 100
            let head = Array("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n".utf8)
            _ = head.withUnsafeBytes { session.respond(event.stream, $0, .withBody) }
        case .data(let data): session.consume(event.stream, data.count)
        case .end, .closed, .sent, .none: break
        }
    }

    private static func send(
        _ session: borrowing HTTP2Session, _ inbox: inout HTTP2Inbox, _ bodies: inout Bodies, _ output: inout [UInt8]
    ) {
        var room: (bodies: Bodies, output: [UInt8]) = (bodies, output)
        withUnsafeMutablePointer(to: &room) { room in
            var outlet = pharos_http2_outlet(
                context: room,
                waiting: { context, tag, limit, isEnd in
                    let room = context!.assumingMemoryBound(to: (bodies: Bodies, output: [UInt8]).self)
                    let count = min(limit, room.pointee.bodies.rest[tag] ?? 0)
                    if count == room.pointee.bodies.rest[tag] ?? 0 { isEnd!.pointee = 1 }
                    return count
                },
                take: { context, tag, header, count in
                    let room = context!.assumingMemoryBound(to: (bodies: Bodies, output: [UInt8]).self)
                    room.pointee.output += UnsafeBufferPointer(start: header, count: 9)
                    room.pointee.output += [UInt8](repeating: 120, count: count)
                    guard count > 0 else { return }
                    if (room.pointee.bodies.rest[tag] ?? 0) < count {
                        room.pointee.bodies.violation = "more than there is"
                    }
                    room.pointee.bodies.rest[tag, default: 0] -= count
                })
            while true {
                let bytes = session.nextOutput(&outlet, &inbox)
                if bytes.isEmpty { break }
                room.pointee.output += bytes
            }
        }
        (bodies, output) = room
        inbox.removeAll()
    }

    private static func areFrames(_ bytes: [UInt8]) -> Bool {
        var position = 0
        while position + 9 <= bytes.count {
            position += 9 + (Int(bytes[position]) << 16 | Int(bytes[position + 1]) << 8 | Int(bytes[position + 2]))
        }
        return position == bytes.count
    }
}
