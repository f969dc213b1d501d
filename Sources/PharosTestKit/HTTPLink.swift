/// Requests and answers of HTTP/1.1 over a link, one after the other or pipelined.
package final class HTTPLink: @unchecked Sendable {
    package let link: any ClientLink
    private var reader: HTTPResponseReader

    package init(_ link: any ClientLink) {
        self.link = link
        reader = HTTPResponseReader(link)
    }

    package static func request(
        _ path: String, method: String = "POST", headers: [(String, String)] = [], body: String = ""
    ) -> [UInt8] {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(body.utf8.count)\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        return Array((text + "\r\n" + body).utf8)
    }

    /// The next answer.
    package func response() throws -> (status: Int, body: String, headers: [String: String]) {
        let head = try reader.head()
        let body = try reader.body(length: Int(head.headers["content-length"] ?? "0") ?? 0)
        return (head.status, String(decoding: body, as: UTF8.self), head.headers)
    }

    /// Whether the server closed, and said nothing more before.
    package func isClosedByServer() throws -> Bool {
        guard reader.rest.isEmpty else { return false }
        return try link.receive().isEmpty
    }
}

/// Reads heads and bodies; what follows stays in `rest`.
package struct HTTPResponseReader {
    private let link: any ClientLink
    package private(set) var rest: [UInt8] = []

    package init(_ link: any ClientLink) { self.link = link }

    package mutating func head() throws -> (status: Int, headers: [String: String]) {
        var end = HTTPResponseReader.endOfHead(rest)
        while end == nil {
            try receive()
            end = HTTPResponseReader.endOfHead(rest)
        }
        let lines = String(decoding: rest[..<end!], as: UTF8.self).split(separator: "\r\n")
        rest.removeFirst(end!)
        let parts = lines.first?.split(separator: " ") ?? []
        guard parts.count >= 2, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else {
            throw TestClient.Failure.unexpected("no status line")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw TestClient.Failure.unexpected("no field line") }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        return (status, headers)
    }

    package mutating func body(length: Int) throws -> [UInt8] {
        while rest.count < length { try receive() }
        defer { rest.removeFirst(length) }
        return Array(rest[..<length])
    }

    private mutating func receive() throws {
        let bytes = try link.receive()
        guard !bytes.isEmpty else { throw TestClient.Failure.vanished }
        rest += bytes
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<bytes.count where bytes[index] == 10 && bytes[index - 1] == 13 {
            if bytes[index - 2] == 10, bytes[index - 3] == 13 { return index + 1 }
        }
        return nil
    }
}
