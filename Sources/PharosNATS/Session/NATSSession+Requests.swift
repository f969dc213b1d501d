import PharosBytes

extension NATSSession {
    /// Publishes a message and awaits an answer.
    ///
    /// It comes on the inbox that all requests of the session share.
    ///
    /// - Parameters:
    ///   - expectsSeveral: answers come until one has a status, as those of batched direct gets do (ADR-31).
    ///   - deadlineMs: when the request ends without an answer.
    /// - Returns: the ticket that the answer's event names.
    package mutating func request(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders = NATSHeaders(), expectsSeveral: Bool = false,
        deadlineMs: Int64
    ) throws(NATSOrderError) -> UInt64 {
        guard state == .ready else { throw .notReady }
        guard drainPing == nil else { throw .draining }
        let ticket = requests.add(Request(expectsSeveral: expectsSeveral))
        let before = writer.bytes.count
        do throws(NATSOrderError) {
            if !hasInbox { try writer.subscribe(NATSSubscriptions.inbox, to: inbox.wildcard) }
            try publish(payload, to: subject, reply: inbox.subject(of: ticket), headers: headers)
        } catch {
            writer.bytes.truncate(to: before)
            _ = requests.take(ticket)
            throw error
        }
        hasInbox = true
        if deadlines.count > 64 + 2 * requests.count { dropEndedDeadlines() }
        deadlines.add(deadlineMs, ticket)
        return ticket
    }

    /// Gives up a request; false if it has ended.
    ///
    /// Its answer, if it still comes, is dropped.
    @discardableResult
    package mutating func cancel(_ ticket: UInt64) -> Bool {
        guard requests.take(ticket) != nil else { return false }
        settleDeadlines()
        return true
    }

    mutating func acceptAnswer(_ message: NATSMessage) {
        guard let ticket = inbox.ticket(of: message.subject), let request = requests[ticket] else { return }
        if message.isNoResponders { return end(ticket, .noResponders) }
        if request.expectsSeveral, message.headers.status == nil {
            events.append(.answer(ticket, .part(message)))
        } else {
            end(ticket, .message(message))
        }
    }

    mutating func expireRequests(_ nowMs: Int64) {
        while let first = deadlines.first, first.atMs <= nowMs {
            deadlines.removeFirst()
            if requests.take(first.ticket) != nil { events.append(.answer(first.ticket, .timedOut)) }
        }
        settleDeadlines()
    }

    mutating func loseRequests() {
        for entry in deadlines.ordered where requests.take(entry.ticket) != nil {
            events.append(.answer(entry.ticket, .connectionLost))
        }
        deadlines.removeAll()
    }

    private mutating func end(_ ticket: UInt64, _ answer: NATSAnswer) {
        _ = requests.take(ticket)
        events.append(.answer(ticket, answer))
        settleDeadlines()
    }

    /// Lets the earliest deadline be that of a request that waits.
    private mutating func settleDeadlines() {
        while let first = deadlines.first, requests[first.ticket] == nil { deadlines.removeFirst() }
        endDrainIfDone()
    }

    private mutating func dropEndedDeadlines() {
        let kept = deadlines.ordered.filter { requests[$0.ticket] != nil }
        deadlines.removeAll()
        for entry in kept { deadlines.add(entry.atMs, entry.ticket) }
    }
}
