import PharosBytes
import Testing

@testable import PharosRedis

@Suite("Redis session: commands")
struct RedisSessionTests {
    @Test("commands before the handshake's end are sent after it, in order, each once")
    func heldBack() {
        var dialogue = Dialogue()
        _ = dialogue.session.send(["INCR", "a"], deadlineMs: 1_000)
        _ = dialogue.session.send(["INCR", "b"], deadlineMs: 1_000)
        dialogue.play(
            #"""
            > HELLO 3
            < %1\r\n$5\r\nproto\r\n:3\r\n
            = ready RESP3
            > INCR a
            > INCR b
            < :1\r\n:2\r\n
            = reply 1 :1
            = reply 2 :2
            """#)
        dialogue.expectQuiet()
        #expect(dialogue.session.waitingCount == 0)
    }

    @Test("replies are matched in order; an error is one command's and no more; attributes are left out")
    func pipeline() {
        var dialogue = Dialogue.ready()
        for command: RedisCommand in [["GET", "a"], ["EVALSHA", "0", 0], ["PING"]] {
            _ = dialogue.session.send(command, deadlineMs: 1_000)
        }
        dialogue.play(
            #"""
            > GET a
            > EVALSHA 0 0
            > PING
            < _\r\n-NOSCRIPT No matching script.\r\n|1\r\n+ttl\r\n:9\r\n+PONG\r\n
            = reply 1 null
            = failed 2 -NOSCRIPT No matching script.
            = reply 3 +PONG
            """#)
        dialogue.expectQuiet()
    }

    @Test("a reply may come in pieces, between pushes")
    func pieces() {
        var dialogue = Dialogue.ready()
        _ = dialogue.session.send(["GET", "a"], deadlineMs: 1_000)
        dialogue.play(
            #"""
            > GET a
            < >2\r\n$10\r\ninvalidate\r\n*1\r\n
            < $1\r\na\r\n$5\r\nhel
            = >["invalidate", ["a"]]
            < lo\r
            < \n
            = reply 1 "hello"
            """#)
        dialogue.expectQuiet()
    }

    @Test("the earliest deadline of all that waits is the next; it moves on with the replies")
    func nextDeadline() {
        var dialogue = Dialogue.ready()
        #expect(dialogue.session.nextDeadlineMs == nil)
        for deadlineMs: Int64 in [500, 300, 400, 900, 300] {
            _ = dialogue.session.send(["PING"], deadlineMs: deadlineMs)
        }
        dialogue.sendAll()
        var deadlines: [Int64?] = []
        for _ in 0..<5 {
            deadlines.append(dialogue.session.nextDeadlineMs)
            dialogue.session.receive(Array("+PONG\r\n".utf8))
        }
        #expect(deadlines == [300, 300, 300, 300, 300])
        #expect(dialogue.session.nextDeadlineMs == nil)
        for deadlineMs: Int64 in [300, 500, 400] { _ = dialogue.session.send(["PING"], deadlineMs: deadlineMs) }
        dialogue.sendAll()
        dialogue.session.receive(Array("+PONG\r\n".utf8))
        #expect(dialogue.session.nextDeadlineMs == 400)
        dialogue.session.receive(Array("+PONG\r\n".utf8))
        #expect(dialogue.session.nextDeadlineMs == 400)
    }

    @Test("one command past its deadline ends the session; what else waits is said to be unknown or not sent")
    func timeout() {
        var dialogue = Dialogue.ready()
        for deadlineMs: Int64 in [1_000, 500, 2_000] {
            _ = dialogue.session.send(["INCR", "a"], deadlineMs: deadlineMs)
        }
        dialogue.play("> INCR a\n> INCR a")
        dialogue.session.advance(toMs: 499)
        dialogue.session.advance(toMs: 500)
        dialogue.play(
            #"""
            = failed 1 closed outcomeUnknown
            = failed 2 timedOut outcomeUnknown
            = failed 3 closed notSent
            = over: commandTimedOut
            """#)
        let isClosed = dialogue.session.isClosed
        #expect(isClosed)
        dialogue.session.receive(Array(":1\r\n".utf8))
        dialogue.expectQuiet()
    }

    @Test("a command of which the last byte was not sent cannot have been carried out")
    func partlySent() {
        var dialogue = Dialogue.ready()
        _ = dialogue.session.send(["PING"], deadlineMs: 1_000)
        _ = dialogue.session.send(["PING"], deadlineMs: 1_000)
        let count = dialogue.session.withOutput(\.count)
        dialogue.session.markSent(count - 1)
        dialogue.session.disconnected()
        dialogue.play(
            #"""
            = failed 1 closed outcomeUnknown
            = failed 2 closed notSent
            = over: disconnected
            """#)
        dialogue.expectQuiet()
    }

    @Test("a session that is over fails commands at once")
    func afterTheEnd() {
        var dialogue = Dialogue.ready()
        dialogue.session.close()
        dialogue.session.close()
        dialogue.play("= over: closed")
        _ = dialogue.session.send(["PING"], deadlineMs: 1_000)
        dialogue.play("= failed 1 closed notSent")
        dialogue.expectQuiet()
        #expect(dialogue.session.waitingCount == 0)
    }

    @Test("a malformed reply ends the session")
    func malformed() {
        var dialogue = Dialogue.ready()
        _ = dialogue.session.send(["PING"], deadlineMs: 1_000)
        dialogue.play(
            #"""
            > PING
            < :nonsense\r\n
            = failed 1 closed outcomeUnknown
            = over: malformed malformedInteger
            """#)
        dialogue.expectQuiet()
    }

    @Test("a reply that no command waits for ends the session, and so does one to a command not sent")
    func unexpected() {
        var idle = Dialogue.ready()
        idle.play("< +PONG\\r\\n\n= over: unexpectedReply")
        var refused = Dialogue.ready()
        refused.play("< -ERR going away\\r\\n\n= over: refused -ERR going away")
        var early = Dialogue.ready()
        _ = early.session.send(["PING"], deadlineMs: 1_000)
        early.play("< +PONG\\r\\n\n= failed 1 closed notSent\n= over: unexpectedReply")
        early.expectQuiet()
    }

    @Test("the output is the same however little is sent at a time")
    func trickle() {
        var dialogue = Dialogue.ready()
        let payload = [UInt8](repeating: 120, count: 1_000)
        var expected = RESPWriter()
        var sent: [UInt8] = []
        for number in 0..<500 {
            let command: RedisCommand = ["SET", .integer(Int64(number)), .bytes(payload)]
            expected.append(command)
            _ = dialogue.session.send(command, deadlineMs: 1_000)
            sent += dialogue.session.withOutput { Array($0.prefix(700)) }
            dialogue.session.markSent(min(700, dialogue.session.withOutput(\.count)))
        }
        sent += dialogue.session.withOutput { Array($0) }
        #expect(sent == expected.output.array)
    }
}
