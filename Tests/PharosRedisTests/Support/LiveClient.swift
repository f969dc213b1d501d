import Testing

@testable import PharosRedis

/// A session over a blocking socket.
struct LiveClient: ~Copyable {
    var session: RedisSession
    private let connection: LiveConnection
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    private let start = ContinuousClock.now

    init(port: UInt16, _ options: RedisSessionOptions = RedisSessionOptions()) throws {
        connection = try LiveConnection(port: port)
        session = RedisSession(options)
        session.begin(nowMs: 0)
    }

    deinit { connection.end() }

    /// Milliseconds since the client was made.
    var nowMs: Int64 {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }

    mutating func send(_ command: RedisCommand, withinMs: Int64 = 20_000) -> RedisTicket {
        session.send(command, deadlineMs: nowMs + withinMs)
    }

    /// Sends and receives until there is an event; nil after the last.
    mutating func nextEvent() -> RedisEvent? {
        while true {
            if let event = session.nextEvent() { return event }
            if session.isClosed { return nil }
            let sent = session.withOutput { connection.write($0) }
            session.markSent(sent)
            let isPending = session.withOutput(\.count) > 0
            let remaining = (session.nextDeadlineMs ?? nowMs + 20_000) - nowMs
            let waitMs = isPending ? 1 : Int32(clamping: max(remaining, 0) + 1)
            guard let count = connection.read(waitMs: waitMs, &buffer) else {
                session.disconnected()
                continue
            }
            buffer.withUnsafeBytes { session.receive(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            if count == 0, !isPending, session.nextDeadlineMs == nil { return nil }
            session.advance(toMs: nowMs)
        }
    }
}
