import PharosBytes
import PharosDomain
import PharosEdge
package import PharosProtocol

/// By what a client of the protocol talks to the server.
package enum Transport: String, CaseIterable, Sendable {
    case webSocket, httpStream, eventStream, poll
}

/// A transport that looks like a WebSocket to the test's client.
///
/// Frames go out as requests, and answers come back as frames. So every story runs over every transport with the same
/// client.
///
/// A last `disconnect` push becomes the close frame that the transport has not got.
package class TransportLink: ClientLink, @unchecked Sendable {
    let wire: WireFormat
    let open: @Sendable () throws -> any ClientLink
    /// The query of the address that the client believes to be the WebSocket's.
    ///
    /// It has its question mark, if there is one.
    private(set) var query = ""
    private(set) var headers: [(String, String)] = []
    private var unread: [UInt8] = []
    private var isUpgraded = false
    private var reader = FrameReader()
    private let links = Locked<(open: [any ClientLink], isClosed: Bool)>(([], false))

    /// - Parameter open: makes a connection; each may reach another shard.
    init(_ wire: WireFormat, open: @escaping @Sendable () throws -> any ClientLink) {
        self.wire = wire
        self.open = open
    }

    deinit { reader.release() }

    /// - Returns: nil for the WebSocket, which needs no clothes.
    package static func make(
        _ transport: Transport, _ wire: WireFormat, open: @escaping @Sendable () throws -> any ClientLink
    ) -> TransportLink? {
        switch transport {
        case .webSocket: nil
        case .httpStream: EmulatedLink("/connection/http_stream", wire, open: open)
        case .eventStream: EmulatedLink("/connection/sse", wire, open: open)
        case .poll: PollLink(wire, open: open)
        }
    }

    // MARK: What each transport does in its own way

    /// Commands are to be sent.
    func deliver(_ message: [UInt8]) throws { preconditionFailure("made by `make`") }

    /// Waits for more; false: nothing more will come.
    func pump() throws -> Bool { preconditionFailure("made by `make`") }

    // MARK: Link

    package func send(_ bytes: [UInt8]) throws {
        guard isUpgraded else { return upgrade(String(decoding: bytes, as: UTF8.self)) }
        var bytes = bytes
        var messages: [[UInt8]] = []
        bytes.withUnsafeMutableBytes { buffer in
            var input = buffer
            while true {
                switch reader.next(&input, limit: 64 << 20) {
                case .text(let message), .binary(let message): messages.append(Array(message))
                case .needMore, .close, .failure: return
                case .ping, .pong: break
                }
            }
        }
        for message in messages { try deliver(message) }
    }

    package func receive() throws -> [UInt8] {
        while unread.isEmpty {
            guard !links.withLock({ $0.isClosed }), try pump() else { return [] }
        }
        defer { unread = [] }
        return unread
    }

    package func close() {
        let open = links.withLock { links in
            links.isClosed = true
            defer { links.open = [] }
            return links.open
        }
        for link in open { link.close() }
    }

    private func upgrade(_ head: String) {
        isUpgraded = true
        let lines = head.split(separator: "\r\n")
        let path = lines[0].split(separator: " ")[1]
        query = path.firstIndex(of: "?").map { String(path[$0...]) } ?? ""
        let own = ["host", "connection", "upgrade"]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ": ", maxSplits: 1)
            let name = parts[0].lowercased()
            guard parts.count == 2, !own.contains(name), !name.hasPrefix("sec-websocket") else { continue }
            headers.append((String(parts[0]), String(parts[1])))
        }
        var answer = "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
        if wire == .protobuf { answer += "Sec-WebSocket-Protocol: centrifuge-protobuf\r\n" }
        unread = Array((answer + "\r\n").utf8)
    }

    // MARK: For the transports

    /// A connection that ends with this link.
    func connection() throws -> any ClientLink {
        let link = try open()
        let isClosed = links.withLock { links in
            if !links.isClosed { links.open.append(link) }
            return links.isClosed
        }
        if isClosed { link.close() }
        return link
    }

    /// Closes a connection whose only request has been answered.
    func done(_ link: any ClientLink) {
        link.close()
        links.withLock { links in links.open.removeAll { $0 === link } }
    }

    /// A whole message of the protocol has come.
    func arrived(_ message: [UInt8]) throws {
        let decoded = try message.withUnsafeBytes {
            switch wire {
            case .json: try JSONReplyDecoder.decode($0)
            case .protobuf: try ProtobufReplyDecoder.decode($0)
            }
        }
        var frame = ByteWriter()
        if case .push(let push)? = decoded.first, case .disconnect(let reason) = push.event {
            FrameWriter.appendClose(
                code: UInt16(truncatingIfNeeded: reason.code), reason: reason.reason, into: &frame)
        } else {
            FrameWriter.appendHeader(opcode: wire == .json ? 1 : 2, length: message.count, into: &frame)
            frame.append(message)
        }
        unread += frame.array
        if case .reply(let reply)? = decoded.first, case .connect(let result) = reply.result { connected(result) }
    }

    /// The connect has been answered.
    func connected(_ result: ConnectResult) {}
}
