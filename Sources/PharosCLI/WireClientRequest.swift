import CPharosSys
import PharosBytes

/// One HTTP request of a command-line client and its answer.
///
/// It has a connection of its own (RFC 9112).
enum WireClientRequest {
    /// The longest answer that is read.
    private static let answerLimit = 8 << 20

    struct Answer: Equatable {
        var status: Int
        var body: [UInt8]
    }

    /// Posts JSON and waits for the whole answer.
    static func post(
        _ address: WireClientAddress, body: [UInt8], apiKey: String?, timeoutMs: Int64 = 10_000
    ) throws(WireClientError) -> Answer {
        let head = try head(address, bodyCount: body.count, apiKey: apiKey)
        var request = ByteWriter(capacity: body.count + 256)
        request.append(head)
        request.append(body)
        return try exchange(request, with: address, timeoutMs: timeoutMs)
    }

    /// Asks for a page and waits for all of it.
    static func get(_ address: WireClientAddress, timeoutMs: Int64) throws(WireClientError) -> Answer {
        var request = ByteWriter(capacity: 256)
        request.append("GET \(address.path) HTTP/1.1\r\nHost: \(address.authority)\r\nConnection: close\r\n\r\n")
        return try exchange(request, with: address, timeoutMs: timeoutMs)
    }

    private static func exchange(
        _ request: borrowing ByteWriter, with address: WireClientAddress, timeoutMs: Int64
    ) throws(WireClientError) -> Answer {
        let socket = try WireClientSocket(address)
        try request.withBytes { bytes throws(WireClientError) in try socket.send(bytes) }
        let deadline = pharos_monotonic_ms() + timeoutMs
        var answer: [UInt8] = []
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 16384, alignment: 1)
        defer { part.deallocate() }
        // The connection is asked to close, so the end of the stream is the end of the answer.
        while answer.count < answerLimit {
            guard let count = try socket.receive(part, untilMs: deadline) else {
                throw WireClientError("\(address.authority) gives no answer in time")
            }
            if count == 0 { break }
            answer += part[..<count]
        }
        return try parse(answer)
    }

    static func head(_ address: WireClientAddress, bodyCount: Int, apiKey: String?) throws(WireClientError) -> String {
        if let apiKey, !apiKey.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) {
            throw WireClientError("the API key may hold no spaces and only ASCII characters")
        }
        let key = apiKey.map { "X-API-Key: \($0)\r\n" } ?? ""
        return """
            POST \(address.path) HTTP/1.1\r
            Host: \(address.authority)\r
            Content-Type: application/json\r
            Connection: close\r
            \(key)Content-Length: \(bodyCount)\r
            \r

            """
    }

    /// Status and body of a whole answer; the body may be chunked.
    static func parse(_ bytes: [UInt8]) throws(WireClientError) -> Answer {
        let mark = Array("\r\n\r\n".utf8)
        guard let end = bytes.firstRange(of: mark) else { throw WireClientError("the answer is not HTTP") }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            throw WireClientError("the answer is not HTTP")
        }
        let isChunked = lines.dropFirst().contains {
            let line = $0.lowercased()
            return line.hasPrefix("transfer-encoding:") && line.hasSuffix("chunked")
        }
        let body = Array(bytes[end.upperBound...])
        return Answer(status: status, body: isChunked ? try joinChunks(body) : body)
    }

    private static func joinChunks(_ bytes: [UInt8]) throws(WireClientError) -> [UInt8] {
        var body: [UInt8] = []
        var rest = bytes[...]
        while let lineEnd = rest.firstRange(of: Array("\r\n".utf8)) {
            let line = String(decoding: rest[..<lineEnd.lowerBound], as: UTF8.self)
            let size = Int(line.prefix { $0 != ";" }, radix: 16) ?? -1
            if size == 0 { return body }
            guard size > 0, rest.endIndex - lineEnd.upperBound >= size + 2 else { break }
            body += rest[lineEnd.upperBound..<lineEnd.upperBound + size]
            rest = rest[(lineEnd.upperBound + size + 2)...]
        }
        throw WireClientError("the answer is cut short")
    }
}
