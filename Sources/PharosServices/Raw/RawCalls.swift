import PharosDomain
import PharosEdge
import PharosProtocol

/// The caller that waits for the answer.
enum RawCaller: Sendable {
    case http(ConnectionID)
    case backend(RawBackendCall)
}

/// Requests that other shards have a part in, until all of them have answered.
struct RawCalls {
    struct Call {
        var caller: RawCaller
        var form: RawCallForm
        var remaining: Int
        var answer = RawOrderAnswer()
    }

    private var calls: [UInt64: Call] = [:]
    private var nextTicket: UInt64 = 1

    var count: Int { calls.count }

    mutating func add(_ call: Call) -> UInt64 {
        let ticket = nextTicket
        nextTicket += 1
        calls[ticket] = call
        return ticket
    }

    /// Adds one shard's answer; the call once there are all.
    mutating func add(_ answer: RawOrderAnswer, to ticket: UInt64) -> Call? {
        guard var call = calls.removeValue(forKey: ticket) else { return nil }
        call.answer.report.add(answer.report)
        call.answer.info = call.answer.info ?? answer.info
        call.remaining -= 1
        guard call.remaining > 0 else { return call }
        calls[ticket] = call
        return nil
    }
}
