import PharosEdge

/// One request whose answer does not end by itself.
///
/// It is a body in chunks (RFC 9112, section 7.1).
package final class StreamLink: @unchecked Sendable {
    package let link: any ClientLink
    package let status: Int
    package let headers: [String: String]
    private var unread: [UInt8]
    private var next = 0
    private var isOver = false

    /// Sends the request and waits for the head of its answer.
    package init(
        _ link: any ClientLink, _ path: String, method: String = "GET", headers: [(String, String)] = [],
        body: [UInt8] = []
    ) throws {
        self.link = link
        var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if method == "POST" { head += "Content-Length: \(body.count)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        try link.send(Array((head + "\r\n").utf8) + body)
        var reader = HTTPResponseReader(link)
        let answer = try reader.head()
        status = answer.status
        self.headers = answer.headers
        unread = reader.rest
    }

    /// The next chunk; nil: the body has ended as it should.
    ///
    /// Without chunks the whole body is one.
    package func chunk() throws -> [UInt8]? {
        guard !isOver else { return nil }
        if headers["transfer-encoding"] != "chunked" {
            isOver = true
            return try bytes(Int(headers["content-length"] ?? "0") ?? 0)
        }
        guard let size = Int(try line(), radix: 16) else { throw TestClient.Failure.unexpected("no size of a chunk") }
        let chunk = try bytes(size)
        guard try line().isEmpty else { throw TestClient.Failure.unexpected("no end of a chunk") }
        isOver = size == 0
        return isOver ? nil : chunk
    }

    /// All that is still to come.
    package func rest() throws -> String {
        var text: [UInt8] = []
        while let chunk = try chunk() { text += chunk }
        return String(decoding: text, as: UTF8.self)
    }

    private func line() throws -> String {
        var text: [UInt8] = []
        while true {
            let byte = try bytes(1)[0]
            if byte == 10 { return String(decoding: text, as: UTF8.self) }
            if byte != 13 { text.append(byte) }
        }
    }

    private func bytes(_ count: Int) throws -> [UInt8] {
        while unread.count - next < count {
            unread.removeFirst(next)
            next = 0
            let received = try link.receive()
            guard !received.isEmpty else { throw TestClient.Failure.vanished }
            unread += received
        }
        defer { next += count }
        return Array(unread[next..<(next + count)])
    }
}
