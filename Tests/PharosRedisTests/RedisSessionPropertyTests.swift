import PharosTestKit
import Testing

@testable import PharosRedis

/// A session and a server of the test, by random orders, pieces and times.
@Suite("Redis session: properties")
struct RedisSessionPropertyTests {
    /// A server that answers each command once it has got all of it.
    private struct Server {
        var parser = RESPParser()
        var answers: [UInt8] = []
        /// Numbers of the commands that it carried out.
        var done: [UInt64] = []

        mutating func receive(_ bytes: [UInt8]) {
            bytes.withUnsafeBytes { bytes in
                var input = bytes
                while let command = try? parser.next(&input) { answer(command) }
            }
        }

        private mutating func answer(_ command: RESPValue) {
            guard let words = try? command.elements().map({ try $0.text() }) else { return }
            switch words[0] {
            case "HELLO": answers += Array("%1\r\n+proto\r\n:3\r\n".utf8)
            case "SUBSCRIBE":
                for channel in words.dropFirst() { answers += confirmation("subscribe", channel) }
            default:
                let number = UInt64(words[1]) ?? 0
                done.append(number)
                // Between replies there are messages; every seventh command fails.
                if number % 3 == 0 {
                    answers +=
                        RESPValue.push(
                            ["message", "a", words[1]].map { .bulkString(Array($0.utf8)) }
                        ).encoded
                }
                answers += Array((number % 7 == 0 ? "-ERR \(number)\r\n" : ":\(number)\r\n").utf8)
            }
        }

        private func confirmation(_ name: String, _ channel: String) -> [UInt8] {
            RESPValue.push([.bulkString(Array(name.utf8)), .bulkString(Array(channel.utf8)), .integer(1)]).encoded
        }
    }

    @Test("each command ends once, in order, and what is said of it is true", arguments: 0..<400)
    func exactlyOnce(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var session = RedisSession()
        var server = Server()
        var asked: [UInt64] = []
        var orders: Set<UInt64> = []
        session.begin(nowMs: 0)
        var nowMs: Int64 = 0
        for _ in 0..<300 {
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<30:
                let number = UInt64(asked.count + 1)
                let deadlineMs = nowMs + Int64.random(in: 20...400, using: &generator)
                let ticket = session.send(["ECHO", .integer(Int64(number))], deadlineMs: deadlineMs)
                #expect(ticket.number == number)
                asked.append(number)
            case 30..<34:
                let order = RedisSubscriptionOrder(.channel, isSubscribe: true, channels: [[97], [98]])
                asked.append(session.change(order, deadlineMs: nowMs + 300).number)
                orders.insert(UInt64(asked.count))
            case 34..<65:
                let count = Int.random(in: 0...session.withOutput(\.count), using: &generator)
                server.receive(session.withOutput { Array($0.prefix(count)) })
                session.markSent(count)
            case 65..<95:
                let count = Int.random(in: 0...server.answers.count, using: &generator)
                session.receive(Array(server.answers.prefix(count)))
                server.answers.removeFirst(count)
            case 95..<99:
                nowMs += Int64.random(in: 0...10, using: &generator)
                session.advance(toMs: nowMs)
            default:
                if seed % 4 == 0 { session.disconnected() }
            }
        }
        session.close()
        check(&session, asked: asked, orders: orders, done: server.done)
    }

    private func check(_ session: inout RedisSession, asked: [UInt64], orders: Set<UInt64>, done: [UInt64]) {
        var ended: [UInt64] = []
        var isOver = false
        while let event = session.nextEvent() {
            switch event {
            case .reply(let ticket, let value):
                ended.append(ticket.number)
                #expect(value == .integer(Int64(ticket.number)))
            case .failed(let ticket, .server(let error)):
                ended.append(ticket.number)
                #expect(error.message == "ERR \(ticket.number)")
            case .failed(let ticket, .closed(.notSent)), .failed(let ticket, .timedOut(.notSent)):
                ended.append(ticket.number)
                #expect(!done.contains(ticket.number))
            case .failed(let ticket, _):
                ended.append(ticket.number)
                // The server of this test does at once whatever it gets.
                #expect(orders.contains(ticket.number) || done.contains(ticket.number))
            case .confirmed(let ticket): ended.append(ticket.number)
            case .closed: isOver = true
            default: break
            }
        }
        // Commands after the end fail at once, behind the event that says it.
        #expect(ended == asked)
        #expect(isOver)
        let waiting = session.waitingCount
        #expect(waiting == 0)
        #expect(session.nextDeadlineMs == nil)
    }
}
