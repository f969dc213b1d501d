import PharosDomain
import PharosEdge
import PharosProtocol

/// What a request at the service's addresses is about, which decides how it is answered.
enum RawCallForm: Sendable {
    /// `POST /sr`; `reports`: the answer says who did not get what it should.
    case service(reports: Bool)
    /// `POST`, `GET` and `DELETE /@connections/{id}`.
    case post, get, delete
}

/// Who waits for the answer.
enum RawCaller: Sendable {
    case http(ConnectionID)
    case backend(RawBackendCall)
}

/// One shard's part of a request.
struct RawOrder: Sendable {
    struct Target: Sendable {
        var id: RawConnectionID
        /// As it came.
        var text: ClientName
    }

    var messages: [(targets: [Target], message: RawMessage)] = []
    var closings: [(targets: [Target], code: UInt16, reason: String)] = []
    /// What is to be told of.
    var subject: Target?
}

struct RawOrderAnswer: Sendable {
    var report = RawReport()
    var info: RawConnectionInfo?
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
