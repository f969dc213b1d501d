import PharosBytes

/// The request that an answer is for.
///
/// A connection may have several that wait. Each is answered once.
package struct AnswerTicket: Equatable, Sendable {
    package let id: ConnectionID
    /// Counts the requests of the connection that are read ahead; the first is 0.
    let number: UInt32
}

/// Answers to pipelined requests that were begun before earlier ones were answered.
///
/// They leave in the order of the requests (RFC 9112, section 9.3.2).
struct PipelinedAnswers {
    /// The number of the first request that has no answer yet.
    private(set) var first: UInt32 = 0
    /// Whole answers; nil: still awaited.
    private var answers: [[UInt8]?] = [nil]

    /// Requests of one connection that may wait for answers.
    static var limit: Int { 64 }

    var count: Int { answers.count }
    /// The number of the newest request.
    var newest: UInt32 { first + UInt32(answers.count) - 1 }

    mutating func addRequest() { answers.append(nil) }

    /// Keeps an answer; false: the request has one already.
    mutating func keep(_ answer: [UInt8], for number: UInt32) -> Bool {
        guard number >= first, number <= newest, answers[Int(number - first)] == nil else { return false }
        answers[Int(number - first)] = answer
        return true
    }

    /// The next answer in order; nil: it is still awaited, or there is none.
    mutating func takeFirst() -> [UInt8]? {
        guard let answer = answers.first, let answer else { return nil }
        answers.removeFirst()
        first += 1
        return answer
    }

    var isEmpty: Bool { answers.isEmpty }
}

/// Reading ahead: a request is handed on before the one before it has its answer.
///
/// So many that were sent together are carried out together, also where each answer comes from another shard.
extension Edge {
    /// Requests that the peer sent behind this one may be handed on before its answer.
    ///
    /// Called in `requestReceived`, by a handler that answers by ticket, and that is asked by `readsAhead` about each of
    /// the others. Requests of HTTP/1.0, and those after which the connection ends, wait in any case.
    package mutating func allowReadingAhead(_ id: ConnectionID) {
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingResponse else { return }
        let flags = connections[id.slot].pointee.flags
        guard flags.isDisjoint(with: [.isOldRequest, .answersHead, .closesWhenSent, .isCarried]) else { return }
        connections[id.slot].pointee.flags.insert(.mayReadAhead)
    }

    /// The request that has just been received.
    package func answerTicket(of id: ConnectionID) -> AnswerTicket {
        AnswerTicket(id: id, number: isReadingAhead(id.slot) ? pipelined[id.slot]?.newest ?? 0 : 0)
    }

    /// Answers one of a connection's requests, as `respond` does.
    ///
    /// The answer leaves once those before it have left.
    package mutating func respond(_ ticket: AnswerTicket, status: Int, body: UnsafeRawBufferPointer) {
        let id = ticket.id
        guard isOpen(id), connections[id.slot].pointee.phase == .awaitingResponse else { return }
        guard isReadingAhead(id.slot) else { return respond(id, status: status, body: body) }
        var answer = ByteWriter(capacity: 256 + body.count)
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        writeResponse(id.slot, ResponseForm(status: status), headers: nothing, body: body, closes: false, into: &answer)
        guard pipelined[id.slot]!.keep(answer.array, for: ticket.number) else { return }
        while let next = pipelined[id.slot]!.takeFirst() { next.withUnsafeBytes { append(id.slot, $0) } }
        guard pipelined[id.slot]!.isEmpty else { return }
        pipelined[id.slot] = nil
        connections[id.slot].pointee.flags.remove(.readsAhead)
        finishResponse(id)
    }

    func isReadingAhead(_ slot: UInt32) -> Bool { connections[slot].pointee.flags.contains(.readsAhead) }

    /// Whether another request of the connection may be handed on now.
    func mayReadAhead(_ slot: UInt32) -> Bool {
        let entry = connections[slot]
        guard entry.pointee.phase == .awaitingResponse, entry.pointee.flags.contains(.mayReadAhead) else {
            return false
        }
        return !isReadingAhead(slot) || pipelined[slot]!.count < PipelinedAnswers.limit
    }

    /// One more request is handed on.
    mutating func noteReadAhead(_ slot: UInt32) {
        if !isReadingAhead(slot) {
            connections[slot].pointee.flags.insert(.readsAhead)
            pipelined[slot] = PipelinedAnswers()
        }
        pipelined[slot]!.addRequest()
    }
}
