import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

/// Every way into the server.
///
/// A new transport is in the matrix by being a case here, with its client's steps in `come`.
enum Entrance: CaseIterable, Sendable, CustomTestStringConvertible {
    case webSocket, httpStream, eventStream, sessionPoll, events, poll, oldPoll, raw, rawEvents, messages

    /// The outcome for a client that came and wanted to hear one channel.
    enum Verdict: Equatable, Sendable {
        case heard
        /// At the request, at the connect or at the subscribe.
        case refused
    }

    /// Whether connections belong to the application alone.
    ///
    /// It names their users and channels at the handshake.
    var isRaw: Bool { self == .raw || self == .rawEvents }

    /// Whether nothing stands between two requests.
    var isRequest: Bool { self == .poll || self == .oldPoll }

    /// Whether the server sees the request itself, with its header.
    ///
    /// Elsewhere questions about the request are asked by the transport.
    var hasHeader: Bool { self != .messages }

    /// Whether channel and token stand in an address.
    var namesInAddress: Bool { isRequest || self == .events }

    var testDescription: String { "\(self)" }

    private var transport: Transport? {
        switch self {
        case .webSocket: .webSocket
        case .httpStream: .httpStream
        case .eventStream: .eventStream
        case .sessionPoll: .poll
        case .events, .poll, .oldPoll, .raw, .rawEvents, .messages: nil
        }
    }

    /// A client that has come, and what it holds.
    final class Visit: Sendable {
        let verdict: Verdict
        private let end: @Sendable () -> Void

        init(_ verdict: Verdict, end: @escaping @Sendable () -> Void = {}) {
            self.verdict = verdict
            self.end = end
        }

        func leave() { end() }
    }

    /// Comes, with a token unless that is empty, and wants to hear a channel.
    ///
    /// - Parameter waits: whether a poll waits for news, so that it is there when this returns.
    func come(
        _ scene: StoryServer, to channel: ChannelName, token: String = "", headers: [(String, String)] = [],
        waits: Bool = false
    ) async throws -> Visit {
        do {
            if let transport {
                let client = try scene.client(over: transport, .json, headers: headers)
                let verdict = try connect(client, token, channel)
                if verdict == .refused { client.cut() }
                return Visit(verdict) { client.cut() }
            }
            switch self {
            case .raw:
                let client = try scene.raw(headers: headers)
                return Visit(.heard) { client.link.close() }
            case .rawEvents:
                let stream = try StreamLink(
                    scene.http().link, "/raw", headers: headers + [("Accept", "text/event-stream")])
                return Visit(stream.status == 200 ? .heard : .refused) { stream.link.close() }
            case .messages:
                let peer = MessagePeer(scene.server, ClientOpening(address: "127.0.0.1"))
                let verdict = try await connect(peer, token, channel)
                if verdict == .refused { peer.client.gone() }
                return Visit(verdict) { peer.client.gone() }
            case .events:
                let stream = try scene.events(query(channel, token), headers: headers)
                guard stream.stream.status == 200 else { return Visit(.refused) }
                let isIn = try stream.event().data.contains("\"subscriptions\":[\"\(channel)\"]")
                return Visit(isIn ? .heard : .refused) { stream.stream.link.close() }
            default:
                let link = try scene.http()
                let path = "/poll?" + query(channel, token) + "&wait=\(waits ? 60 : 0)"
                try link.link.send(request(path, headers))
                if waits {
                    await scene.until { await scene.server.group.counters().currentWaitingPolls > 0 }
                    return Visit(.heard) { link.link.close() }
                }
                return Visit(try link.response().status == 200 ? .heard : .refused)
            }
        } catch TestClient.Failure.refused {
            return Visit(.refused)
        } catch TestClient.Failure.closed {
            return Visit(.refused)
        }
    }

    /// A poll, by the version of HTTP that some proxies still speak, too.
    private func request(_ path: String, _ headers: [(String, String)]) -> [UInt8] {
        let lines = HTTPLink.request(path, method: "GET", headers: headers)
        guard self == .oldPoll else { return lines }
        return Array(text(lines).replacing("HTTP/1.1", with: "HTTP/1.0").utf8)
    }

    private func query(_ channel: ChannelName, _ token: String) -> String {
        "channel=\(channel)" + (token.isEmpty ? "" : "&token=\(token)")
    }

    private func connect(_ client: TestClient, _ token: String, _ channel: ChannelName) throws -> Verdict {
        try client.send(.connect(token: token))
        guard case .connect(let result) = try client.reply(to: 1) else { return .refused }
        if result.subscriptions[channel] != nil { return .heard }
        guard case .subscribe = try client.call({ .subscribe(id: $0, channel) }) else { return .refused }
        return .heard
    }

    private func connect(_ peer: MessagePeer, _ token: String, _ channel: ChannelName) async throws -> Verdict {
        peer.send(#"{"id":1,"connect":{"token":"\#(token)"}}"#)
        guard let connected = try await peer.nextOrEnd(), connected.contains(#""connect":{"#) else { return .refused }
        if connected.contains(#""\#(channel)":"#) { return .heard }
        peer.send(#"{"id":2,"subscribe":{"channel":"\#(channel)"}}"#)
        guard let subscribed = try await peer.nextOrEnd() else { return .refused }
        return subscribed.contains(#""subscribe":{"#) ? .heard : .refused
    }
}

/// An application that answers at once, and counts what it is asked.
final class AnsweringOrigin: Origin {
    private let asked = Locked<[HookKind: Int]>([:])
    private let answers: [HookKind: HookOutcome]

    init(_ answers: [HookKind: HookOutcome]) { self.answers = answers }

    func ask(_ request: HookRequest, of name: OriginName, answer: @escaping @Sendable (HookOutcome) -> Void) {
        let kind = request.question.kind
        asked.withLock { $0[kind, default: 0] += 1 }
        let outcome = answers[kind] ?? .unavailable
        Task { answer(outcome) }
    }

    func count(_ kind: HookKind) -> Int { asked.withLock { $0[kind] ?? 0 } }
}
