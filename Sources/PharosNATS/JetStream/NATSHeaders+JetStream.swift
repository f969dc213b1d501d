/// The headers by which streams are written and read, as typed values.
extension NATSHeaders {
    // MARK: Of a publication

    /// Nats-Msg-Id: a stream drops a second message with the same id.
    ///
    /// It does so within its duplicate window.
    package var messageID: String? { self["Nats-Msg-Id"] }

    /// Nats-Expected-Last-Subject-Sequence: a condition of the publication.
    ///
    /// It is stored only if its subject's last sequence is this one; 0: if the subject is empty.
    package var expectedLastSubjectSequence: UInt64? { number("Nats-Expected-Last-Subject-Sequence") }

    /// Nats-Batch-Id: the atomic batch to which the message belongs (ADR-50).
    package var batchID: String? { self["Nats-Batch-Id"] }

    /// Nats-Batch-Sequence: the number in its batch, from 1.
    package var batchSequence: UInt64? { number("Nats-Batch-Sequence") }

    /// Adds Nats-Msg-Id.
    /// - Throws: `invalidHeader` for an id with a line break.
    package mutating func add(messageID: String) throws(NATSOrderError) { try add("Nats-Msg-Id", messageID) }

    /// Adds Nats-Expected-Last-Subject-Sequence.
    package mutating func add(expectedLastSubjectSequence sequence: UInt64) {
        add("Nats-Expected-Last-Subject-Sequence", sequence)
    }

    /// Adds the message's number in an atomic batch; the last one commits it.
    /// - Throws: `invalidHeader` for an id with a line break.
    package mutating func add(batchID: String, sequence: UInt64, commits: Bool) throws(NATSOrderError) {
        try add("Nats-Batch-Id", batchID)
        add("Nats-Batch-Sequence", sequence)
        if commits { add("Nats-Batch-Commit", 1) }
    }

    // MARK: Of a message of a stream

    /// Nats-Stream.
    package var stream: String? { self["Nats-Stream"] }

    /// Nats-Subject: the subject under which the stream has the message.
    package var streamSubject: String? { self["Nats-Subject"] }

    /// Nats-Sequence: the message's number in its stream.
    package var sequence: UInt64? { number("Nats-Sequence") }

    /// Nats-Last-Sequence: the number of the message before it on its subject.
    ///
    /// 0: it is the first.
    package var lastSequence: UInt64? { number("Nats-Last-Sequence") }

    /// Nats-Time-Stamp: when it was stored (RFC 3339).
    package var timeStamp: String? { self["Nats-Time-Stamp"] }

    /// Nats-Num-Pending: messages that a batched direct get has left.
    package var pending: UInt64? { number("Nats-Num-Pending") }
}
