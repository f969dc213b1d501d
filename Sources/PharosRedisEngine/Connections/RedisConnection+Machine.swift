import PharosBytes
import PharosLinks
import PharosRedis

extension RedisConnection: LinkMachine {
    func connected(nowMs: Int64) {
        (wantsAnother, reason) = (false, nil)
        session.begin(nowMs: nowMs)
        drain()
    }

    func secured(nowMs: Int64) {}

    func received(_ bytes: UnsafeRawBufferPointer, nowMs: Int64) {
        lastHeardMs = nowMs
        session.receive(bytes)
        drain()
    }

    func disconnected(_ failure: LinkFailure, nowMs: Int64) {
        end(reason ?? failure.description)
    }

    func advance(toMs nowMs: Int64) {
        session.advance(toMs: nowMs)
        drain()
    }

    var nextDeadlineMs: Int64 { session.nextDeadlineMs ?? .max }

    func withOutput(_ body: (UnsafeRawBufferPointer) -> Int) {
        while true {
            let (sent, count) = session.withOutput { $0.isEmpty ? (0, 0) : (body($0), $0.count) }
            if sent > 0 { session.markSent(sent) }
            // All that was taken, or nothing more is taken now.
            if sent == 0 || sent == count { return }
        }
    }

    var wish: LinkWish { wantsAnother ? .reconnect : .nothing }
}

extension RedisConnection {
    func drain() {
        while let event = session.nextEvent() {
            switch event {
            case .ready(let server):
                self.server = server
                owner?.greeted(self, server)
            case .reply(let ticket, let value): complete(ticket, .success(value))
            case .failed(let ticket, let failure): complete(ticket, .failure(failure))
            case .confirmed(let ticket): complete(ticket, .success(.null))
            case .closed(let cause):
                isReady = false
                if reason == nil { reason = RedisConnection.text(cause) }
                wantsAnother = true
            case .message, .shardMessage, .patternMessage, .subscription: owner?.heard(event, self)
            case .push: break
            }
        }
        refill()
    }

    private func complete(_ ticket: RedisTicket, _ result: Result<RESPValue, RedisFailure>) {
        switch waits.removeValue(forKey: ticket.number) {
        case .command(let completion)?: completion(result)
        case .order(let completion)?:
            switch result {
            case .success: completion(nil)
            case .failure(let failure): completion(failure)
            }
        case nil: break
        }
    }

    /// The session is over, or there was none.
    func end(_ why: String) {
        isReady = false
        session.disconnected()
        drain()
        session = RedisSession(options)
        (waits, wantsAnother) = ([:], false)
        (isDown, reason, lastReason) = (true, nil, why)
        failHeld()
        owner?.lost(self)
    }

    func failHeld() {
        var commands = held
        held = FIFO()
        while let entry = commands.popFirst() { entry.completion(.failure(.closed(.notSent))) }
    }

    private static func text(_ cause: RedisCloseReason) -> String {
        switch cause {
        case .closed: "closed"
        case .disconnected: "the server ended the connection"
        case .refused(let error): "refused: \(error)"
        case .handshakeTimedOut: "no answer to the handshake in time"
        case .commandTimedOut: "no answer to a command in time"
        case .malformed(let error): "not the protocol of Redis: \(error)"
        case .unexpectedReply: "a reply that answers nothing"
        }
    }
}
