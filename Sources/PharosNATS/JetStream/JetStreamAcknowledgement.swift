import PharosProtocol

/// The answer to a publication that the stream has stored.
///
/// Now, or before (`isDuplicate`).
package struct JetStreamAcknowledgement: Equatable, Sendable {
    package var stream = ""
    /// Of an atomic batch: the sequence of its last message.
    package var sequence: UInt64 = 0
    /// A message with the same Nats-Msg-Id was stored before.
    package var isDuplicate = false
    package var domain: String?
    /// The id of the atomic batch that this commits (ADR-50); nil for a single message.
    package var batch: String?
    /// Messages of the batch.
    package var batchCount: UInt64 = 0

    package init(stream: String = "", sequence: UInt64 = 0, isDuplicate: Bool = false) {
        self.stream = stream
        self.sequence = sequence
        self.isDuplicate = isDuplicate
    }

    /// Reads the payload of an answer.
    ///
    /// - Returns: the acknowledgement, or the error for which nothing was stored.
    /// - Throws: `JetStreamMalformed` for anything else, such as an acknowledgement without a stream or sequence.
    package static func read(
        _ payload: [UInt8]
    ) throws(JetStreamMalformed) -> Result<JetStreamAcknowledgement, JetStreamError> {
        var acknowledgement = JetStreamAcknowledgement()
        var failure: JetStreamError?
        try JetStreamJSON.read(payload) { (field, scanner) throws(MalformedFrame) in
            switch field {
            case "error": failure = try JetStreamError(from: &scanner)
            case "stream": acknowledgement.stream = try scanner.text().string
            case "seq": acknowledgement.sequence = try scanner.integer()
            case "duplicate": acknowledgement.isDuplicate = try scanner.bool()
            case "domain": acknowledgement.domain = try scanner.text().string
            case "batch": acknowledgement.batch = try scanner.text().string
            case "count": acknowledgement.batchCount = try scanner.integer()
            default: try scanner.skipValue()
            }
        }
        if let failure { return .failure(failure) }
        guard !acknowledgement.stream.isEmpty, acknowledgement.sequence > 0 else {
            throw JetStreamMalformed(reason: "stream or sequence missing")
        }
        return .success(acknowledgement)
    }
}
