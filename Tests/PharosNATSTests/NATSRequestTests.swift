import PharosNATS
import PharosTestKit
import Testing

/// Requests over the session's inbox, and how they end.
@Suite("NATS requests")
struct NATSRequestTests {
    /// The subject on which the answer to the only request so far is awaited.
    private func reply(_ ticket: UInt64) -> String { "_INBOX.tok.\(ticket)" }

    private func message(_ subject: String, headers: NATSHeaders = NATSHeaders(), _ payload: String) -> NATSMessage {
        NATSMessage(subscription: 1, subject: subject, headers: headers, payload: Array(payload.utf8))
    }

    @Test("one inbox for all requests, and an answer for each, in any order")
    func answers() throws {
        let scene = try SessionScene.ready()
        _ = scene.sent
        let first = try scene.request("ask.a")
        let second = try scene.request("ask.b")
        #expect(
            scene.sent
                == "SUB _INBOX.tok.* 1\r\nPUB ask.a \(reply(first)) 0\r\n\r\nPUB ask.b \(reply(second)) 0\r\n\r\n")
        #expect(scene.session.waitingRequests == 2)
        scene.server("MSG \(reply(second)) 1 2\r\nB!\r\nMSG \(reply(first)) 1 2\r\nA!\r\n")
        #expect(
            scene.events == [
                .answer(second, .message(message(reply(second), "B!"))),
                .answer(first, .message(message(reply(first), "A!"))),
            ])
        // A second answer, and one under a number that was never given, find nothing.
        scene.server("MSG \(reply(first)) 1 0\r\n\r\nMSG _INBOX.tok.x 1 0\r\n\r\nMSG _INBOX.other.1 1 0\r\n\r\n")
        #expect(scene.events.isEmpty)
        let third = try scene.request("ask.c")
        #expect(third != first && third != second)
    }

    @Test("no responders end a request at once; a 503 with a payload is an answer")
    func noResponders() throws {
        let scene = try SessionScene.ready()
        let first = try scene.request("ask")
        let second = try scene.request("ask")
        scene.server("HMSG \(reply(first)) 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n")
        scene.server("HMSG \(reply(second)) 1 16 17\r\nNATS/1.0 503\r\n\r\nx\r\n")
        #expect(
            scene.events == [
                .answer(first, .noResponders),
                .answer(second, .message(message(reply(second), headers: NATSHeaders(status: " 503"), "x"))),
            ])
    }

    @Test("time-outs come at their times, and answers after them find nothing")
    func timeouts() throws {
        let scene = try SessionScene.ready()
        let slow = try scene.request("ask", within: 900)
        let fast = try scene.request("ask", within: 300)
        let answered = try scene.request("ask", within: 100)
        #expect(scene.session.nextDeadlineMs == 1_100)
        scene.server("MSG \(reply(answered)) 1 0\r\n\r\n")
        #expect(scene.session.nextDeadlineMs == 1_300)
        _ = scene.events
        scene.pass(299)
        #expect(scene.events.isEmpty)
        scene.pass(1)
        #expect(scene.events == [.answer(fast, .timedOut)])
        scene.server("MSG \(reply(fast)) 1 0\r\n\r\n")
        #expect(scene.events.isEmpty)
        #expect(scene.session.nextDeadlineMs == 1_900)
        scene.pass(600)
        #expect(scene.events == [.answer(slow, .timedOut)])
    }

    @Test("several answers come until one has a status")
    func several() throws {
        let scene = try SessionScene.ready()
        let ticket = try scene.request("get", several: true)
        let subject = reply(ticket)
        scene.server("MSG \(subject) 1 1\r\na\r\nHMSG \(subject) 1 18 19\r\nNATS/1.0\r\nA: b\r\n\r\nb\r\n")
        scene.server("HMSG \(subject) 1 20 20\r\nNATS/1.0 204 EOB\r\n\r\n\r\nMSG \(subject) 1 1\r\nc\r\n")
        #expect(
            scene.events == [
                .answer(ticket, .part(message(subject, "a"))),
                .answer(ticket, .part(message(subject, headers: NATSHeaders("A: b"), "b"))),
                .answer(ticket, .message(message(subject, headers: NATSHeaders(status: " 204 EOB"), ""))),
            ])
        let unanswered = try scene.request("get", several: true, within: 5)
        scene.server("MSG \(reply(unanswered)) 1 1\r\na\r\n")
        _ = scene.events
        scene.pass(5)
        #expect(scene.events == [.answer(unanswered, .timedOut)])
    }

    @Test("a request that is given up has no answer")
    func cancel() throws {
        let scene = try SessionScene.ready()
        let ticket = try scene.request("ask", within: 5)
        #expect(scene.cancel(ticket))
        #expect(!scene.cancel(ticket))
        scene.server("MSG \(reply(ticket)) 1 0\r\n\r\n")
        scene.pass(10)
        #expect(scene.events.isEmpty)
        #expect(scene.session.nextDeadlineMs == 21_000)
    }

    @Test("all waiting requests end with the connection, before the event that says so")
    func connectionLost() throws {
        let scene = try SessionScene.ready()
        let first = try scene.request("ask", within: 200)
        let second = try scene.request("ask", within: 100)
        scene.session.disconnected()
        #expect(
            scene.events == [
                .answer(second, .connectionLost), .answer(first, .connectionLost), .closed(.disconnected),
            ])
        #expect(scene.session.waitingRequests == 0)
    }

    @Test("thousands of requests: each ends once, and what is kept of the ended is bounded")
    func many() throws {
        let scene = try SessionScene.ready()
        var random = SeededGenerator(seed: 3)
        var waiting: [UInt64] = []
        var deadlines: [UInt64: Int64] = [:]
        var ended: Set<UInt64> = []
        for _ in 0..<3_000 {
            let milliseconds = Int64.random(in: 10...500, using: &random)
            waiting.append(try scene.request("ask", within: milliseconds))
            deadlines[waiting[waiting.count - 1]] = scene.nowMs + milliseconds
            _ = scene.sent
            if Bool.random(using: &random), let ticket = waiting.randomElement(using: &random) {
                scene.server("MSG \(reply(ticket)) 1 0\r\n\r\n")
            }
            scene.pass(1)
            // The server is there: no PING is due.
            scene.server("+OK\r\n")
            for case .answer(let ticket, let answer) in scene.events {
                #expect(ended.insert(ticket).inserted)
                if answer == .timedOut { #expect(deadlines[ticket] == scene.nowMs) }
                waiting.removeAll { $0 == ticket }
            }
            #expect(scene.session.waitingRequests == waiting.count)
            let earliest = waiting.compactMap { deadlines[$0] }.min() ?? .max
            #expect(scene.session.nextDeadlineMs == min(earliest, scene.nowMs + 20_000))
        }
        scene.pass(500)
        #expect(ended.count + scene.events.count == 3_000)
    }

    @Test("inbox tokens: 22 letters and digits, others for each seed; a token that is none is refused")
    func inbox() throws {
        var random = SeededGenerator(seed: 1)
        let tokens = (0..<100).map { _ in NATSInbox.token(using: &random) }
        #expect(Set(tokens).count == 100)
        #expect(
            tokens.allSatisfy { $0.utf8.count == 22 && $0.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) } })
        #expect(throws: NATSOrderError.invalidSubject) {
            _ = try NATSSession(settings: NATSSessionSettings(), inboxToken: "a.b", nowMs: 0)
        }
    }
}
