/// Reads one HTTP/1.1 answer from the bytes of a connection (RFC 9112).
///
/// It is strict and does no IO.
///
/// Framing by length, in chunks and by the connection's end is understood. What two readers could take for different things
/// is an error: two lengths, a length beside chunks, folded lines.
package struct HTTPAnswerReader {
    package struct Failure: Error, Equatable, Sendable {
        package enum Kind: Equatable, Sendable {
            case malformed
            case tooLarge
            /// The connection ended within the answer, or before it.
            case ended
        }
        package var kind: Kind

        package static let malformed = Failure(kind: .malformed)
        package static let tooLarge = Failure(kind: .tooLarge)
        package static let ended = Failure(kind: .ended)
    }

    /// Bytes of everything before the body, and of the fields after it.
    package static let headLimit = 32_768
    private static let chunkLineLimit = 256

    private enum State {
        case head
        case body(remaining: Int)
        case bodyUntilEnd
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers(bytes: Int)
        case done
    }

    private let bodyLimit: Int
    private var state = State.head
    private var answer = HTTPAnswer()
    private var buffer: [UInt8] = []
    /// The number of bytes of `buffer` that have been read.
    ///
    /// The next one says how far it has been searched for the end of a line.
    private var start = 0
    private var searched = 0
    /// Whether a byte has come: then the origin has had the request.
    package private(set) var hasBegun = false

    /// - Parameter bodyLimit: bytes of a body, at most.
    package init(bodyLimit: Int) {
        self.bodyLimit = bodyLimit
    }

    /// Takes what the connection brought.
    ///
    /// - Returns: the answer as soon as it is complete. After that nothing more may be fed.
    package mutating func feed(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> HTTPAnswer? {
        hasBegun = hasBegun || !bytes.isEmpty
        buffer.append(contentsOf: bytes)
        while try advance() {}
        compact()
        guard case .done = state else { return nil }
        // Bytes follow that were not asked for, so the connection is not to be trusted with another question.
        if start < buffer.count { answer.keepsConnection = false }
        return answer
    }

    /// The connection has ended: for some answers that is how they end.
    package mutating func finish() throws(Failure) -> HTTPAnswer {
        guard case .bodyUntilEnd = state else { throw .ended }
        return answer
    }

    /// One step; false if more bytes are needed or nothing is left to read.
    private mutating func advance() throws(Failure) -> Bool {
        switch state {
        case .head: return try readHead()
        case .body(let remaining):
            let taken = takeBody(atMost: remaining)
            state = taken == remaining ? .done : .body(remaining: remaining - taken)
            return false
        case .bodyUntilEnd:
            _ = takeBody(atMost: buffer.count - start)
            guard answer.body.count <= bodyLimit else { throw .tooLarge }
            return false
        case .chunkSize:
            guard let line = try nextLine(limit: HTTPAnswerReader.chunkLineLimit) else { return false }
            guard let size = HTTPField.chunkSize(buffer[line]) else { throw .malformed }
            guard size <= bodyLimit - answer.body.count else { throw .tooLarge }
            state = size == 0 ? .trailers(bytes: 0) : .chunk(remaining: size)
            return true
        case .chunk(let remaining):
            let taken = takeBody(atMost: remaining)
            state = taken == remaining ? .chunkEnd : .chunk(remaining: remaining - taken)
            return taken == remaining
        case .chunkEnd:
            guard let line = try nextLine(limit: 0) else { return false }
            guard line.isEmpty else { throw .malformed }
            state = .chunkSize
            return true
        case .trailers(let bytes):
            guard let line = try nextLine(limit: HTTPAnswerReader.headLimit - bytes) else { return false }
            state = line.isEmpty ? .done : .trailers(bytes: bytes + line.count + 1)
            return !line.isEmpty
        case .done: return false
        }
    }

    /// Reads the head once all of it is there.
    private mutating func readHead() throws(Failure) -> Bool {
        guard let end = endOfHead() else {
            guard buffer.count - start <= HTTPAnswerReader.headLimit else { throw .tooLarge }
            return false
        }
        guard end - start <= HTTPAnswerReader.headLimit else { throw .tooLarge }
        let fields: HTTPAnswerHead
        do {
            fields = try HTTPAnswerHead(buffer[start..<end])
        } catch {
            throw .malformed
        }
        start = end
        searched = end
        // Hints on the way to the answer (RFC 9110, section 15.2). We never ask for another protocol.
        if (100..<200).contains(fields.answer.status) {
            guard fields.answer.status != 101 else { throw .malformed }
            return true
        }
        answer = fields.answer
        switch fields.framing {
        case .none: state = .done
        case .length(let length):
            guard length <= bodyLimit else { throw .tooLarge }
            state = length == 0 ? .done : .body(remaining: length)
            answer.body.reserveCapacity(length)
        case .chunked: state = .chunkSize
        case .untilEnd:
            state = .bodyUntilEnd
            answer.keepsConnection = false
        }
        return true
    }

    /// Behind the empty line that ends the head.
    private mutating func endOfHead() -> Int? {
        while let newline = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
            let next = newline + 1
            guard next < buffer.count else { return nil }
            if buffer[next] == UInt8(ascii: "\n") { return next + 1 }
            if buffer[next] == UInt8(ascii: "\r") {
                guard next + 1 < buffer.count else { return nil }
                if buffer[next + 1] == UInt8(ascii: "\n") { return next + 2 }
            }
            searched = next
        }
        searched = buffer.count
        return nil
    }

    /// The next line without its end, if it is complete.
    private mutating func nextLine(limit: Int) throws(Failure) -> Range<Int>? {
        guard let newline = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = buffer.count
            // One more for the carriage return.
            guard buffer.count - start <= limit + 1 else { throw .malformed }
            return nil
        }
        let isCRLF = newline > start && buffer[newline - 1] == UInt8(ascii: "\r")
        let line = start..<(isCRLF ? newline - 1 : newline)
        guard line.count <= limit else { throw .malformed }
        start = newline + 1
        searched = start
        return line
    }

    private mutating func takeBody(atMost wanted: Int) -> Int {
        let taken = min(wanted, buffer.count - start)
        answer.body.append(contentsOf: buffer[start..<(start + taken)])
        start += taken
        searched = start
        return taken
    }

    private mutating func compact() {
        guard start == buffer.count, start > 0 else { return }
        buffer.removeAll(keepingCapacity: true)
        start = 0
        searched = 0
    }
}
