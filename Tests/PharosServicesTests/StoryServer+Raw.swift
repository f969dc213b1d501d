import CPharosSys
import PharosDomain
import PharosServices
import PharosTestKit
import Testing

extension ServerSettings {
    /// One raw path, `/raw`, open to everybody, with an origin called `app`.
    mutating func openRaw(_ change: (inout RawPath) -> Void = { _ in }) {
        var path = RawPath(path: "/raw")
        path.origin = "app"
        path.open = true
        change(&path)
        hooks.raw.append(path)
        hooks.nodeAddress = "127.0.0.1:8081/sr"
        api.keys.append(APIKey(key: "sender", methods: ["send"]))
    }
}

/// A client of a raw path.
final class RawClient: @unchecked Sendable {
    let link: any ClientLink
    private var frames: FrameStream

    init(
        _ link: any ClientLink, _ path: String = "/raw", headers: [(String, String)] = [], subprotocol: String? = nil,
        messages: [String] = []
    ) throws {
        self.link = link
        frames = try FrameStream(
            link, path: path, headers: headers, subprotocol: subprotocol,
            messages: messages.map { FrameStream.frame(opcode: 1, Array($0.utf8)) })
    }

    deinit { frames.release() }

    func send(_ text: String) throws { try frames.send(isText: true, Array(text.utf8)) }
    func send(_ bytes: [UInt8]) throws { try frames.send(isText: false, bytes) }
    func next() throws -> FrameStream.Frame { try frames.next() }

    /// The next frame, which must be text.
    func text() throws -> String {
        let frame = try frames.next()
        guard case .text(let bytes) = frame else { throw TestClient.Failure.unexpected("\(frame)") }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The next frame, which must be a close frame.
    func closing() throws -> Disconnect {
        let frame = try frames.next()
        guard case .close(let reason) = frame else { throw TestClient.Failure.unexpected("\(frame)") }
        return reason
    }

    func close() throws { try frames.sendClose(code: 1000) }
}

extension StoryServer {
    func raw(
        _ path: String = "/raw", headers: [(String, String)] = [], subprotocol: String? = nil, messages: [String] = []
    ) throws -> RawClient {
        try RawClient(http().link, path, headers: headers, subprotocol: subprotocol, messages: messages)
    }

    /// So many clients that speak with their handshake, are there together, and leave.
    func comeAndGo(_ count: Int, saying messages: [String]) throws {
        let clients = try (0..<count).map { _ in try RawClient(server.link(.tls), messages: messages) }
        for client in clients { client.link.close() }
    }

    /// A client whose connection the origin has accepted, and its id.
    func accepted(_ origin: ScriptedRawOrigin, _ path: String = "/raw") async throws -> (RawClient, ClientName) {
        let client = try raw(path)
        let established = await origin.next()
        established.accept()
        return (client, established.event.connection)
    }

    /// `POST /sr`.
    func service(_ body: String, path: String = "/sr?report=1", key: String = "sender") throws -> (Int, String) {
        let answer = try ask(path, method: "POST", headers: [("X-API-Key", key)], body: body)
        return (answer.status, answer.body)
    }

    /// A request for one raw connection.
    func resource(
        _ method: String, _ id: ClientName, body: String = "", query: String = "", key: String? = "sender"
    ) throws -> (Int, String) {
        var encoded = ""
        for character in id.text {
            switch character {
            case "/": encoded += "%2F"
            case "+": encoded += "%2B"
            case "=": encoded += "%3D"
            default: encoded.append(character)
            }
        }
        let link = try http()
        try link.link.send(
            HTTPLink.request(
                "/@connections/" + encoded + query, method: method, headers: key.map { [("X-API-Key", $0)] } ?? [],
                body: body))
        let answer = try link.response()
        return (answer.status, answer.body)
    }

    /// The status with which a client is refused; nil: it is admitted.
    func refusal(of open: @Sendable () throws -> some Any) throws -> Int? {
        do {
            _ = try open()
            return nil
        } catch TestClient.Failure.refused(let status) {
            return status
        }
    }

    /// Returns when `isOver`; that it never is counts as a failure after a minute.
    func until(_ isOver: () async -> Bool) async {
        let end = pharos_monotonic_ms() + Int64(guardMs)
        while pharos_monotonic_ms() < end {
            if await isOver() { return }
            await Task.yield()
        }
        Issue.record("what was waited for did not come")
    }
}

extension RecordedEvents {
    /// The event that was recorded of one raw connection's end.
    func end(of connection: ClientName) -> OriginEvent? {
        all.first { $0.client == connection && $0.kind == .rawClosed }
    }
}
