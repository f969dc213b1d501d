import PharosBytes
package import PharosDomain
import PharosEdge
package import PharosProtocol

/// A client of the protocol over either kind of link.
///
/// It is written from the client's side of the codecs.
///
/// Blocking, and used by one task at a time. Replies and pushes are kept in the order of arrival; a server's ping is
/// answered at once and only counted.
package final class TestClient: @unchecked Sendable {
    package enum Failure: Error, Equatable {
        /// The upgrade was refused with this status.
        case refused(status: Int)
        case closed(Disconnect)
        /// The connection ended without a close frame.
        case vanished
        case unexpected(String)
    }

    package let link: any ClientLink
    package let wire: WireFormat
    package private(set) var id: ClientName = ""
    package private(set) var pings = 0
    /// Whether a server's ping gets its pong.
    package var answersPings = true

    private var frames: FrameStream
    private var messages: [ServerMessage] = []
    private var nextID: UInt32 = 1

    /// Upgrades to WebSocket.
    package init(
        _ link: any ClientLink, wire: WireFormat, query: String = "", headers: [(String, String)] = []
    ) throws {
        self.link = link
        self.wire = wire
        let subprotocol = wire == .protobuf ? [("Sec-WebSocket-Protocol", "centrifuge-protobuf")] : []
        frames = try FrameStream(link, path: "/connection/websocket" + query, headers: headers + subprotocol)
    }

    deinit { frames.release() }

    // MARK: Saying

    /// Sends commands as one frame.
    package func send(_ commands: Command...) throws { try send(commands) }

    package func send(_ commands: [Command]) throws {
        try frames.send(isText: wire == .json, TestClient.encode(commands, wire))
    }

    package func send(rawMessage: [UInt8], isText: Bool) throws { try frames.send(isText: isText, rawMessage) }

    /// Bytes as they are, frame header and all.
    package func send(bytes: [UInt8]) throws { try link.send(bytes) }

    /// The masked frame of a message: for stories about how it arrives.
    package func frame(of commands: [Command]) -> [UInt8] {
        FrameStream.frame(opcode: wire == .json ? 1 : 2, TestClient.encode(commands, wire))
    }

    package static func encode(_ commands: [Command], _ wire: WireFormat) -> [UInt8] {
        var writer = ByteWriter()
        for (index, command) in commands.enumerated() {
            switch wire {
            case .json:
                if index > 0 { writer.append(UInt8(ascii: "\n")) }
                JSONCommandEncoder.encode(command, into: &writer)
            case .protobuf: ProtobufCommandEncoder.encode(command, into: &writer)
            }
        }
        return writer.array
    }

    // MARK: Hearing

    /// How long it waits for a particular message while others arrive.
    ///
    /// Links have a limit of their own for silence.
    package static let patience = Duration.seconds(30)

    /// The next reply or push.
    package func next() throws -> ServerMessage {
        while true {
            if !messages.isEmpty {
                let message = messages.removeFirst()
                guard message == .ping else { return message }
                pings += 1
                if answersPings { try send(.pong) }
                continue
            }
            messages = try decode(frames.next())
        }
    }

    private func decode(_ frame: FrameStream.Frame) throws -> [ServerMessage] {
        switch frame {
        case .text(let bytes) where wire == .json: return try bytes.withUnsafeBytes { try JSONReplyDecoder.decode($0) }
        case .binary(let bytes) where wire == .protobuf:
            return try bytes.withUnsafeBytes { try ProtobufReplyDecoder.decode($0) }
        case .pong: return []
        case .ping: return [.ping]
        case .close(let reason): throw Failure.closed(reason)
        case .vanished: throw Failure.vanished
        case .text, .binary, .failure: throw Failure.unexpected("\(frame)")
        }
    }

    /// The next frame as it is, for stories that compare bytes.
    ///
    /// Messages already decoded are not in it.
    package func nextFrame() throws -> FrameStream.Frame { try frames.next() }

    /// The answer to the command with this id.
    ///
    /// Pushes that come before it stay in the queue.
    package func reply(to id: UInt32) throws -> Reply.Result {
        var passed: [ServerMessage] = []
        let deadline = ContinuousClock.now + TestClient.patience
        while true {
            let message = try next()
            guard ContinuousClock.now < deadline else { throw Failure.unexpected("no answer to command \(id)") }
            if case .reply(let reply) = message, reply.id == id {
                messages = passed + messages
                return reply.result
            }
            passed.append(message)
        }
    }

    /// Messages that have been received and not asked for yet.
    package var unheard: [ServerMessage] { messages.filter { $0 != .ping } }

    /// The next message, which must be a push.
    package func push() throws -> Push {
        let message = try next()
        guard case .push(let push) = message else { throw Failure.unexpected("\(message)") }
        return push
    }

    /// The next message, which must be a publication.
    package func publication() throws -> (channel: ChannelName, publication: Publication, epoch: Epoch) {
        let push = try push()
        guard case .publication(let publication, let epoch) = push.event else {
            throw Failure.unexpected("\(push)")
        }
        return (push.channel, publication, epoch)
    }

    /// The code of the close frame, and everything that was heard before it.
    ///
    /// The frame is answered, as it must be.
    package func ending() throws -> (reason: Disconnect, heard: [ServerMessage]) {
        let (heard, reason) = try hear { _ in false }
        return (reason!, heard)
    }

    /// Reads everything up to the message that is looked for, or to the end.
    ///
    /// At the end it gives the code of the close frame, which is answered.
    package func hear(until isLast: (ServerMessage) -> Bool) throws -> (heard: [ServerMessage], ending: Disconnect?) {
        var heard: [ServerMessage] = []
        let deadline = ContinuousClock.now + TestClient.patience
        do {
            while true {
                let message = try next()
                heard.append(message)
                if isLast(message) { return (heard, nil) }
                guard ContinuousClock.now < deadline else { throw Failure.unexpected("it does not end") }
            }
        } catch Failure.closed(let reason) {
            try? frames.sendClose(code: UInt16(truncatingIfNeeded: reason.code))
            return (heard, reason)
        }
    }

    // MARK: Whole exchanges

    /// Sends a command under the next free id and waits for its answer.
    package func call(_ make: (UInt32) -> Command) throws -> Reply.Result {
        nextID += 1
        let id = nextID
        try send(make(id))
        return try reply(to: id)
    }

    @discardableResult
    package func connect(token: String = "", _ configure: (inout ConnectRequest) -> Void = { _ in }) throws
        -> ConnectResult
    {
        try send(.connect(id: 1, token: token, configure))
        return try connected()
    }

    /// Waits for the answer to the connect command with id 1.
    @discardableResult
    package func connected() throws -> ConnectResult {
        let result = try reply(to: 1)
        guard case .connect(let connect) = result else { throw Failure.unexpected("\(result)") }
        id = connect.client
        return connect
    }

    @discardableResult
    package func subscribe(
        _ channel: ChannelName, token: String = "", _ configure: (inout SubscribeRequest) -> Void = { _ in }
    ) throws -> SubscribeResult {
        let result = try call { .subscribe(id: $0, channel, token: token, configure) }
        guard case .subscribe(let subscribe) = result else { throw Failure.unexpected("\(result)") }
        return subscribe
    }

    @discardableResult
    package func recover(_ channel: ChannelName, from position: StreamPosition) throws -> SubscribeResult {
        let result = try call { .recover(id: $0, channel, from: position) }
        guard case .subscribe(let subscribe) = result else { throw Failure.unexpected("\(result)") }
        return subscribe
    }

    /// Closes as a client does: close frame, then wait for the server's.
    package func close() throws {
        try frames.sendClose(code: 1000)
        _ = try? ending()
        link.close()
    }

    /// The cable is cut.
    package func cut() { link.close() }
}
