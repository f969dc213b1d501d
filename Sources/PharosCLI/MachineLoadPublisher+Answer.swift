/// How far the answer to a request has arrived.
///
/// It knows as much of RFC 9112 as an answer with a stated length needs.
enum HTTPAnswer: Equatable {
    case incomplete
    /// All of it is there.
    ///
    /// `keepsAlive` says whether the connection takes another request.
    case complete(keepsAlive: Bool)
    case malformed

    static func progress(of bytes: [UInt8]) -> HTTPAnswer {
        guard let end = endOfHead(bytes) else { return .incomplete }
        // Header fields are ASCII to us; anything else becomes a replacement character and matches nothing.
        let head = String(decoding: bytes[..<end], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        guard let status = lines.first, status.hasPrefix("HTTP/1.1 ") else { return .malformed }
        var length: Int?
        var keepsAlive = true
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return .malformed }
            let name = line[..<colon].lowercased()
            let value = line[line.index(after: colon)...].split(separator: " ").first ?? ""
            if name == "content-length" { length = Int(value) }
            if name == "connection" && value.lowercased() == "close" { keepsAlive = false }
        }
        // Without a length the answer is chunked or ends with the connection: read no further, open a new one.
        guard let length, length >= 0 else { return .complete(keepsAlive: false) }
        return bytes.count - end >= length ? .complete(keepsAlive: keepsAlive) : .incomplete
    }

    /// Where the empty line after the header fields ends.
    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        let mark: [UInt8] = [13, 10, 13, 10]
        guard bytes.count >= mark.count else { return nil }
        return (0...bytes.count - mark.count).first { bytes[$0..<$0 + mark.count].elementsEqual(mark) }
            .map { $0 + mark.count }
    }
}
