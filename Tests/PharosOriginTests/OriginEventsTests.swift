import PharosDomain
import PharosOrigin
import Testing

@Suite("Telling an origin over HTTP")
struct OriginEventsTests {
    private static let ok = TestOrigin.Reaction.bytes("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")

    private func event(_ kind: OriginEvent.Kind, _ client: ClientName, _ sequence: UInt64) -> NumberedEvent {
        var event = OriginEvent(kind, atMs: 1)
        event.client = client
        return NumberedEvent(sequence: sequence, event: event)
    }

    @Test("a batch is acknowledged by a status of success, and by nothing else")
    func batch() async throws {
        let answers: [(String, Bool)] = [
            ("200 OK", true), ("202 X", true), ("204 X", true), ("302 X", false), ("400 X", false), ("500 X", false),
        ]
        for (status, isAcknowledged) in answers {
            try await OriginScene.run(script: { _ in .bytes("HTTP/1.1 \(status)\r\ncontent-length: 0\r\n\r\n") }) {
                let events = [event(.connected, "c1", 7), event(.disconnected, "c1", 9)]
                #expect(await $0.origin.send(events, to: "app") == isAcknowledged)
                let request = try #require($0.server.requests.first)
                #expect(request.fields["x-pharos-hook"] == "events")
                #expect(request.fields["content-type"] == "application/json")
                #expect(request.bodyText.hasPrefix(#"{"events":[{"sequence":7,"event":"connected""#))
                #expect($0.counters(.events).errors == (isAcknowledged ? [:] : [.status: 1]))
            }
        }
    }

    @Test("a batch of CloudEvents names itself by its numbers, so that it is signed as the same when it is sent again")
    func cloudEvents() async throws {
        try await OriginScene.run(
            {
                $0.form = .cloudEvents
                $0.secret = "s"
            }, script: { _ in OriginEventsTests.ok }
        ) { scene in
            let events = [event(.connected, "c1", 7), event(.disconnected, "c1", 9)]
            #expect(await scene.origin.send(events, to: "app"))
            let request = try #require(scene.server.requests.first)
            #expect(request.fields["content-type"] == "application/cloudevents-batch+json; charset=utf-8")
            #expect(request.fields["webhook-id"] == "n1/7-9")
            #expect(request.fields["x-pharos-hook"] == nil)
            #expect(request.bodyText.hasPrefix(#"[{"specversion":"1.0","id":"n1/7""#))
        }
    }

    @Test("an origin of websocket-service hears of each closed connection by itself, and of nothing else")
    func webSocketService() async throws {
        try await OriginScene.run({ $0.form = .webSocketService }, script: { _ in OriginEventsTests.ok }) { scene in
            let events = [event(.rawClosed, "a", 1), event(.connected, "c1", 2), event(.rawClosed, "b", 3)]
            #expect(await scene.origin.send(events, to: "app"))
            let bodies = scene.server.requests.map(\.bodyText).sorted()
            #expect(bodies.count == 2)
            #expect(bodies[0].hasPrefix(#"{"WebSocketEvent":{"ConnectionId":"a","ConnectionEstablished":null,"#))
            #expect(bodies[1].hasPrefix(#"{"WebSocketEvent":{"ConnectionId":"b","#))
            #expect(await scene.origin.send([events[1]], to: "app"))
            #expect(scene.server.requests.count == 2)
        }
    }

    @Test("a report of who is connected has at most ten thousand ids")
    func keepAlive() async throws {
        let clients: [ClientName] = (0..<10_001).map { "c\($0)" }
        for form in [OriginSettings.Form.webSocketService, .cloudEvents, .proxy] {
            try await OriginScene.run({ $0.form = form }, script: { _ in OriginEventsTests.ok }) { scene in
                #expect(await scene.origin.sendKeepAlive(clients, sequence: 5, to: "app"))
                let bodies = scene.server.requests.map(\.bodyText)
                #expect(bodies.count == 2)
                #expect(bodies.contains { !$0.contains(#""c0""#) && $0.contains(#""c10000""#) })
                #expect(await scene.origin.sendKeepAlive([], sequence: 5, to: "app"))
            }
        }
    }

    @Test("events are sent again if their connection ends, since their numbers tell")
    func repeated() async throws {
        try await OriginScene.run(script: { $0.connection == 1 ? .close : OriginEventsTests.ok }) { scene in
            #expect(await scene.origin.send([event(.connected, "c1", 7)], to: "app"))
            let requests = scene.server.requests
            #expect(requests.count == 2)
            #expect(requests[0].body == requests[1].body)
        }
    }

    @Test("a raw connection's message is the body, and so is what the origin says to it")
    func raw() async throws {
        let script: TestOrigin.Script = { request in
            switch request.fields["ce-type"] {
            case "pharos.raw.established": .bytes("HTTP/1.1 204 No Content\r\n\r\n")
            case "pharos.raw.message" where request.body.isEmpty: TestOrigin.json(#"{"close":{"code":4000}}"#)
            default:
                .bytes(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: \(request.body.count)\r\n\r\n"
                        + request.bodyText)
            }
        }
        try await OriginScene.run(
            {
                $0.form = .cloudEvents
                $0.passes.address = true
            }, script: script
        ) { scene in
            var event = RawEvent(connection: "AB/+", kind: .established(subprotocol: "chat"), sequence: 1)
            event.facts.address = "192.0.2.7"
            event.facts.path = "/hidden"
            #expect(await scene.deliver(event) == .accepted([]))
            event = RawEvent(connection: "AB/+", kind: .message(utf8("hello"), isText: true), sequence: 2)
            #expect(await scene.deliver(event) == .accepted([RawMessage(utf8("hello"), isText: true)]))
            event = RawEvent(connection: "AB/+", kind: .message([], isText: true), sequence: 3)
            #expect(await scene.deliver(event) == .close([], code: 4000, reason: ""))
            let requests = scene.server.requests
            #expect(
                requests[0].bodyText
                    == #"{"connection":"AB/+","subprotocol":"chat","request":{"address":"192.0.2.7"}}"#)
            #expect(requests[1].fields["content-type"] == "text/plain;charset=utf-8")
            #expect(requests[1].fields["ce-id"] == "AB/+/2")
            #expect(requests[1].fields["ce-sequence"] == "2")
            #expect(requests[1].bodyText == "hello")
        }
    }

    @Test("an origin of websocket-service closes a connection by any other status than 200")
    func rawService() async throws {
        let script: TestOrigin.Script = {
            $0.bodyText.contains(#""Text":"foo""#)
                ? .bytes("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n") : OriginEventsTests.ok
        }
        try await OriginScene.run({ $0.form = .webSocketService }, script: script) { scene in
            var event = RawEvent(connection: "a", kind: .message(utf8("foo"), isText: true), sequence: 1)
            #expect(await scene.deliver(event) == .accepted([]))
            event.kind = .message(utf8("bar"), isText: true)
            #expect(await scene.deliver(event) == .failed)
            #expect(scene.server.requests[0].fields["content-type"] == "application/json")
            #expect(scene.counters(.raw).errors == [.status: 1])
        }
    }
}
