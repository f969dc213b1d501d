import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Clients over a transport that exchanges messages: no sockets, no bytes of HTTP.
    @Suite("clients over messages")
    struct MessageTransportStories {
        private static let dialects = DialectTable(DialectTable.standardDialects + [HelloDialect()])
        private static let hello = UInt8(DialectTable.standardDialects.count)

        @Test("JSON and protobuf, beside clients over WebSockets", arguments: StorySetting.shardCounts)
        func publications(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let other = try scene.connected(to: "news")
                let json = MessagePeer(scene.server)
                json.send("{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}")
                let connected = try await json.next()
                #expect(connected.hasPrefix(#"{"id":1,"connect":{"client":""#))
                // Commands come on the same connection: none beside it need a name.
                #expect(!connected.contains("\"session\""))
                let message0 = try await json.next()
                #expect(message0 == #"{"id":2,"subscribe":{}}"#)
                let binary = MessagePeer(scene.server, ClientOpening(dialect: DialectTable.protobuf))
                let connect = Command(id: 1, request: .connect(ConnectRequest()))
                binary.send(TestClient.encode([connect], .protobuf))
                let frame1 = try await binary.nextMessage()
                #expect(frame1.kind == .binary)
                for number in 1...3 {
                    await scene.publish("news", "\(number)")
                    let message2 = try await json.next()
                    #expect(message2 == #"{"push":{"channel":"news","pub":{"data":\#(number)}}}"#)
                    #expect(try other.publication().publication.data == Array("\(number)".utf8))
                }
                json.client.gone()
                let reason3 = try await json.ending()
                #expect(reason3 == .connectionClosed)
                binary.client.gone()
                let reason4 = try await binary.ending()
                #expect(reason4 == .connectionClosed)
            }
        }

        @Test("a kick, a malformed message and a shutdown say why", arguments: StorySetting.shardCounts)
        func ends(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let kicked = MessagePeer(scene.server)
                kicked.send(#"{"id":1,"connect":{}}"#)
                _ = try await kicked.next()
                _ = await scene.server.call("disconnect", #"{"all":true}"#)
                let message5 = try await kicked.next()
                #expect(message5 == #"{"push":{"disconnect":{"code":3503,"reason":"force disconnect"}}}"#)
                let reason6 = try await kicked.ending()
                #expect(reason6 == .forceDisconnect)
                let malformed = MessagePeer(scene.server)
                malformed.send("{")
                _ = try await malformed.next()
                let reason7 = try await malformed.ending()
                #expect(reason7 == .badRequest)
                let last = MessagePeer(scene.server)
                last.send(#"{"id":1,"connect":{}}"#)
                _ = try await last.next()
                scene.server.group.beginShutdown(windowMs: 0)
                _ = try await last.next()
                let reason8 = try await last.ending()
                #expect(reason8 == .shutdown)
            }
        }

        @Test("a transport that takes nothing loses its client as slow, and no other client waits")
        func slow() async throws {
            try await play(StorySetting(), { $0.client.queueMaxSize = 10_000 }) { scene in
                let slow = MessagePeer(scene.server, isReady: false)
                slow.send("{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news\"}}")
                for _ in 1...2 { _ = try await slow.next() }
                let other = try scene.connected(to: "news")
                let payload = "\"" + String(repeating: "x", count: 1_000) + "\""
                for _ in 1...20 { await scene.publish("news", payload) }
                for _ in 1...20 { _ = try other.publication() }
                let reason9 = try await slow.ending()
                #expect(reason9 == .slow)
            }
        }

        @Test("the server speaks first")
        func greeting() async throws {
            try await play(StorySetting(), dialects: Self.dialects) { scene in
                let client = MessagePeer(scene.server, ClientOpening(dialect: Self.hello))
                let message10 = try await client.next()
                #expect(message10.hasPrefix(#"{"hello":{"client":""#))
                client.send(#"{"token":""}"#)
                let message11 = try await client.next()
                #expect(message11 == #"{"ready":true}"#)
                client.client.gone()
                let reason12 = try await client.ending()
                #expect(reason12 == .connectionClosed)
            }
        }

        @Test("a transport that goes while last messages wait for it leaves nothing behind")
        func goneWhileWaiting() async throws {
            try await play(StorySetting()) { scene in
                let peer = MessagePeer(scene.server, isReady: false)
                peer.send(#"{"id":1,"connect":{}}"#)
                _ = try await peer.next()
                _ = await scene.server.call("disconnect", #"{"all":true}"#)
                peer.client.gone()
                let reason = try await peer.ending()
                #expect(reason == .forceDisconnect)
            }
        }

        @Test("a message that is too long, and a key that could be guessed")
        func refusals() async throws {
            try await play(StorySetting(), { $0.edge.messageSizeLimit = 1_000 }) { scene in
                let long = MessagePeer(scene.server)
                long.send([UInt8](repeating: UInt8(ascii: " "), count: 1_001))
                _ = try await long.next()
                let reason = try await long.ending()
                #expect(reason == .badRequest)
                var opening = ClientOpening()
                opening.key = "short"
                let refused = try await MessagePeer(scene.server, opening).ending()
                #expect(refused == .badRequest)
            }
        }

        @Test("a server that is ending, and one that has ended, say so", arguments: StorySetting.shardCounts)
        func serverEnds(_ setting: StorySetting) async throws {
            try await play(setting, { $0.shutdownTimeout = 0.1 }) { scene in
                let silent = MessagePeer(scene.server, isReady: false)
                silent.send(#"{"id":1,"connect":{}}"#)
                _ = try await silent.next()
                scene.server.group.beginShutdown(windowMs: 0)
                let late = MessagePeer(scene.server)
                scene.server.stop()
                let lateReason = try await late.ending()
                #expect(lateReason == .shutdown)
                let reason = try await silent.ending()
                #expect(reason == .shutdown)
                let after = try await MessagePeer(scene.server).ending()
                #expect(after == .shutdown)
            }
        }

        @Test("limits of connections count it")
        func limit() async throws {
            try await play(StorySetting(), { $0.client.connectionLimit = 1 }) { scene in
                let first = MessagePeer(scene.server)
                first.send(#"{"id":1,"connect":{}}"#)
                _ = try await first.next()
                let reason13 = try await MessagePeer(scene.server).ending()
                #expect(reason13 == .connectionLimit)
                first.client.gone()
                let reason14 = try await first.ending()
                #expect(reason14 == .connectionClosed)
            }
        }
    }
}

/// A client and its transport in one: a test double of a transport.
final class MessagePeer: ClientOutbox, Sendable {
    enum Event: Sendable {
        case message(OutboxMessage)
        case ended(Disconnect)
    }

    private struct State {
        var events: [Event] = []
        var waiter: CheckedContinuation<Event, Never>?
    }

    private let state = Locked(State())
    private let opened = Locked<MessageClient?>(nil)
    private let isReady: Bool

    var client: MessageClient { opened.withLock { $0! } }

    /// - Parameter isReady: takes further messages once those before have been read.
    init(_ server: TestServer, _ opening: ClientOpening = ClientOpening(), isReady: Bool = true) {
        self.isReady = isReady
        let client = server.group.openClient(opening, outbox: self)
        opened.withLock { $0 = client }
    }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ message: [UInt8]) { _ = client.received(message) }

    // MARK: The transport

    func deliver(_ messages: [OutboxMessage]) { for message in messages { note(.message(message)) } }

    func readOn() {}

    func ended(_ reason: Disconnect) { note(.ended(reason)) }

    private func note(_ event: Event) {
        let waiter = state.withLock { state -> CheckedContinuation<Event, Never>? in
            guard let waiter = state.waiter else {
                state.events.append(event)
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: event)
    }

    // MARK: The client

    private func nextEvent() async -> Event {
        await withCheckedContinuation { continuation in
            let event = state.withLock { state -> Event? in
                if !state.events.isEmpty { return state.events.removeFirst() }
                state.waiter = continuation
                return nil
            }
            if let event { continuation.resume(returning: event) }
        }
    }

    func nextMessage() async throws -> OutboxMessage {
        guard case .message(let message) = await nextEvent() else { throw TestClient.Failure.unexpected("the end") }
        if isReady, state.withLock({ $0.events.isEmpty }) { client.ready() }
        return message
    }

    /// The next message, which must be text.
    func next() async throws -> String {
        let message = try await nextMessage()
        #expect(message.kind == .text)
        return text(message.data)
    }

    /// The next message; nil: the connection has ended instead.
    func nextOrEnd() async throws -> String? {
        guard case .message(let message) = await nextEvent() else { return nil }
        if isReady, state.withLock({ $0.events.isEmpty }) { client.ready() }
        return text(message.data)
    }

    /// The end, which must come before any message.
    func ending() async throws -> Disconnect {
        switch await nextEvent() {
        case .ended(let reason): return reason
        case .message(let message): throw TestClient.Failure.unexpected(text(message.data))
        }
    }
}
