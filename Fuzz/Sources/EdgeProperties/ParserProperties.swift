import PharosBytes
import PharosEdge

/// The properties of the edge's parsers for any input.
///
/// Each function says which property is violated, or nil.
///
/// Shared by the fuzzers and by the tests that replay their corpora.
package enum ParserProperties {
    /// Frames say the same whole and cut in two.
    ///
    /// Memory held is bounded by the bytes that arrived, and frames that a server's reader accepts come back from a
    /// client's reader when they are written again.
    ///
    /// The first byte says where the input is cut, the second is the limit of a message, in steps of 16.
    package static func webSocketFrames(_ input: UnsafeRawBufferPointer) -> String? {
        guard input.count > 2 else { return nil }
        let limit = (Int(input[1]) + 1) * 16
        let stream = Array(input[2...])
        let cut = Int(input[0]) % (stream.count + 1)
        let whole = events([stream], expectsMask: true, limit: limit)
        guard events([Array(stream[..<cut]), Array(stream[cut...])], expectsMask: true, limit: limit) == whole else {
            return "cut frames say something else"
        }
        guard events(stream.map { [$0] }, expectsMask: true, limit: limit) == whole else {
            return "frames byte by byte say something else"
        }
        guard whole.allSatisfy({ $0.size <= max(limit, 125) }) else { return "a message beyond the limit" }
        if let violation = discarded(stream, from: cut, limit: limit, whole: whole) { return violation }
        // A failure is nothing that could be sent.
        let sendable = whole.filter { !$0.isFailure }
        var writer = ByteWriter()
        for event in sendable { event.append(to: &writer) }
        guard events([writer.array], expectsMask: false, limit: limit) == sendable else {
            return "frames changed on the way"
        }
        return nil
    }

    /// A head does not change with what follows it, and none of its parts is a head.
    ///
    /// The first byte says where the input is cut.
    package static func requestHead(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: input[1...])
        let limit = 16_384
        let whole = RequestHead.parse(bytes, limit: limit)
        let part = UnsafeRawBufferPointer(rebasing: bytes[..<(Int(first) * bytes.count / 256)])
        switch (RequestHead.parse(part, limit: limit), whole) {
        case (.incomplete, _), (.http2Preface, .http2Preface): break
        case (.complete(let early), .complete(let late)) where early.length == late.length: break
        case (.refused(let early), .refused(let late)) where early == late: break
        default: return "more bytes changed the answer"
        }
        guard case .complete(let head) = whole else { return nil }
        guard head.length <= bytes.count else { return "a head beyond its bytes" }
        let short = UnsafeRawBufferPointer(rebasing: bytes[..<(head.length - 1)])
        guard case .incomplete = RequestHead.parse(short, limit: limit) else { return "a head without its last byte" }
        return violation(head)
    }

    private static func violation(_ head: RequestHead) -> String? {
        var hosts = 0
        var total = head.method.count + head.target.count
        head.forEachHeader { name, value in
            total += name.count + value.count
            if name.count == 4, name.elementsEqual("host".utf8, by: { $0 | 0x20 == $1 }) { hosts += 1 }
        }
        guard total < head.length, head.path.count + head.query.count <= max(head.target.count, 1) else {
            return "slices beyond the head"
        }
        guard hosts == head.headerCount("host"), hosts == 1 || head.minorVersion == 0 else { return "hosts miscounted" }
        guard !(head.isChunked && head.contentLength >= 0) else { return "two lengths of one body" }
        if case .accept(let subprotocol) = WebSocketHandshake.examine(head, subprotocols: ["chat", "centrifuge-json"]) {
            var writer = ByteWriter()
            let compression = PerMessageDeflate.accepted(in: head)
            guard compression.map({ MessageCompressor.windowBits.contains($0.windowBits) }) ?? true else {
                return "a window that cannot be"
            }
            WebSocketHandshake.appendResponse(
                head, subprotocol: subprotocol, compression: compression, into: &writer)
            let answer = writer.array
            guard answer.starts(with: "HTTP/1.1 101 ".utf8), answer.suffix(4) == [13, 10, 13, 10] else {
                return "a handshake without an answer"
            }
        }
        return nil
    }

    /// From `cut` on messages are discarded.
    ///
    /// Other events come as before, and no message does.
    static func discarded(
        _ stream: [UInt8], from cut: Int, limit: Int, isCompressed: Bool = false, whole: [RecordedFrame]
    ) -> String? {
        let pieces = [Array(stream[..<cut]), Array(stream[cut...])]
        let rest = events(pieces, expectsMask: true, limit: limit, isCompressed: isCompressed, discardsSecond: true)
        let before = events([pieces[0]], expectsMask: true, limit: limit, isCompressed: isCompressed)
        guard rest.filter(\.isMessage) == before.filter(\.isMessage) else {
            return "a message that was to be discarded"
        }
        var expected = whole.filter { !$0.isMessage }
        var told = rest.filter { !$0.isMessage }
        if case .failure(let code)? = expected.last, code != 1002 {
            // Faults within a message are of no interest any more.
            expected.removeLast()
            told.removeLast(max(told.count - expected.count, 0))
        }
        return told == expected ? nil : "something else was discarded than messages"
    }

    /// The events of a reader for bytes that arrive in these pieces.
    static func events(
        _ pieces: [[UInt8]], expectsMask: Bool, limit: Int, isCompressed: Bool = false, discardsSecond: Bool = false
    ) -> [RecordedFrame] {
        var reader = FrameReader(expectsMask: expectsMask)
        defer { reader.release() }
        var inflater = MessageInflater()
        if isCompressed { reader.acceptCompressed() }
        var events: [RecordedFrame] = []
        var arrived = 0
        for (index, piece) in pieces.enumerated() {
            var piece = piece
            if discardsSecond, index == 1 { reader.discardMessages() }
            arrived += piece.count
            let ended = piece.withUnsafeMutableBytes { bytes in
                var input = bytes
                while let event = RecordedFrame(
                    isCompressed
                        ? reader.next(&input, limit: limit, inflater: &inflater) : reader.next(&input, limit: limit))
                {
                    events.append(event)
                    if event.isLast { return true }
                }
                precondition(input.isEmpty, "more is needed, but not all is consumed")
                return false
            }
            // Held memory grows with the bytes that arrived; the fixed part is the reader's own bookkeeping.
            precondition(reader.heldBytes <= 2 * arrived + 512, "memory beyond what arrived")
            if ended { break }
        }
        return events
    }
}
