import PharosBytes
import PharosDomain
import PharosProtocol

/// The client protocol over an answer that does not end.
///
/// Commands go beside it on connections of their own.
final class EmulatedLink: TransportLink, @unchecked Sendable {
    private let path: String
    private var stream: StreamLink?
    private var unsplit: [UInt8] = []
    private var session = ""
    private var node = ""

    init(_ path: String, _ wire: WireFormat, open: @escaping @Sendable () throws -> any ClientLink) {
        self.path = path
        super.init(wire, open: open)
    }

    override func deliver(_ message: [UInt8]) throws {
        guard stream != nil else {
            let stream = try StreamLink(
                connection(), path + query, method: "POST", headers: headers + contentType, body: message)
            guard stream.status == 200 else { throw TestClient.Failure.refused(status: stream.status) }
            self.stream = stream
            return
        }
        // Before the connect is answered there is no name to send commands to.
        while session.isEmpty { guard try pump() else { throw TestClient.Failure.vanished } }
        let link = try connection()
        let answer = try StreamLink(
            link, "/emulation", method: "POST", headers: headers + contentType, body: request(message))
        done(link)
        guard answer.status == 204 else { throw TestClient.Failure.refused(status: answer.status) }
    }

    override func pump() throws -> Bool {
        guard let chunk = try stream?.chunk() else { return false }
        unsplit += chunk
        while let message = wire == .json ? takeLine() : takeDelimited() {
            if !message.isEmpty { try arrived(message) }
        }
        return true
    }

    override func connected(_ result: ConnectResult) {
        session = result.session.text
        node = result.node.text
    }

    private var contentType: [(String, String)] {
        [("Content-Type", wire == .json ? "application/json" : "application/octet-stream")]
    }

    /// The body of `POST /emulation`.
    private func request(_ message: [UInt8]) -> [UInt8] {
        var body = ByteWriter()
        switch wire {
        case .json:
            body.append("{\"session\":\"")
            body.append(session)
            body.append("\",\"node\":\"")
            body.append(node)
            body.append("\",\"data\":")
            _ = body.appendJSONString(message)
            body.append("}")
        case .protobuf:
            for (tag, value) in [(0x0a, Array(node.utf8)), (0x12, Array(session.utf8)), (0x1a, message)] {
                body.append(UInt8(tag))
                var length = value.count
                while length >= 128 {
                    body.append(UInt8(length & 127 | 128))
                    length >>= 7
                }
                body.append(UInt8(length))
                body.append(value)
            }
        }
        return body.array
    }

    /// A line of JSON, or the one that an event carries.
    ///
    /// Empty for lines that carry nothing.
    private func takeLine() -> [UInt8]? {
        guard let end = unsplit.firstIndex(of: 10) else { return nil }
        var line = Array(unsplit[..<end])
        unsplit.removeSubrange(...end)
        if path.hasSuffix("sse") { line = line.starts(with: "data: ".utf8) ? Array(line.dropFirst(6)) : [] }
        return line
    }

    /// A message with its length before it.
    private func takeDelimited() -> [UInt8]? {
        var length = 0
        for (index, byte) in unsplit.enumerated() {
            length |= Int(byte & 127) << (7 * index)
            guard byte < 128 else { continue }
            let end = index + 1 + length
            guard unsplit.count >= end else { return nil }
            defer { unsplit.removeFirst(end) }
            return Array(unsplit[..<end])
        }
        return nil
    }
}
