import PharosDomain

/// The operations of one group commit, and how they end.
struct StoreBatch {
    private let submissions: [Submission]
    private let writer: StoreWriter
    private var outcomes: [Result<StreamOutcome, ReplyError>]
    /// Streams whose rows turned out to be damaged. The others go on without them.
    private var damaged: Set<ChannelName> = []

    init(_ submissions: [Submission], _ writer: StoreWriter) {
        self.submissions = submissions
        self.writer = writer
        outcomes = Array(repeating: .failure(.storeBusy), count: submissions.count)
    }

    /// Carries all of it out, or nothing except what can be done without writing.
    consuming func carriedOut(tidies: Bool) -> [Result<StreamOutcome, ReplyError>] {
        var tidies = tidies
        while true {
            do throws(StoreFailure) {
                let hasWritten = try transaction(tidies: tidies)
                if hasWritten { writer.condition.succeeded() }
                return outcomes
            } catch {
                writer.ledger.abandon()
                if let position = writer.ledger.inHand, error.cause == .damaged, damaged.count < 8,
                    damaged.insert(position.channel).inserted
                {
                    writer.condition.found(
                        StoreCondition.DamagedPosition(channel: position.channel, offset: position.offset))
                } else if tidies, writer.ledger.inHand == nil {
                    // It may have been the deleting that failed.
                    tidies = false
                    writer.tidyingFailed(error)
                } else {
                    writer.condition.failed(error)
                    readOnly()
                    return outcomes
                }
            }
        }
    }

    private mutating func transaction(tidies: Bool) throws(StoreFailure) -> Bool {
        let ledger = writer.ledger
        return try writer.database.transaction { () throws(StoreFailure) in
            ledger.begin()
            for index in submissions.indices {
                guard let operation = submissions[index].operation else { continue }
                if !damaged.isEmpty, damaged.contains(operation.channel) {
                    outcomes[index] = .failure(.storeDamaged)
                } else {
                    outcomes[index] = .success(try ledger.perform(operation))
                }
            }
            if tidies { try writer.tidyStep(appended: submissions.count) }
            try ledger.finish()
            // For a failing commit: that belongs to no stream.
            ledger.inHand = nil
            return (ledger.hasWritten, ledger.hasWritten)
        }
    }

    /// Nothing of the batch is stored. What only looks is answered from what is.
    private mutating func readOnly() {
        for index in submissions.indices {
            guard let operation = submissions[index].operation else { continue }
            guard operation.isRead else {
                outcomes[index] = .failure(.storeFailing)
                continue
            }
            outcomes[index] = look(operation)
        }
    }

    private func look(_ operation: StreamOperation) -> Result<StreamOutcome, ReplyError> {
        let ledger = writer.ledger
        do throws(StoreFailure) {
            return .success(
                try writer.database.transaction { () throws(StoreFailure) in
                    ledger.begin(looksOnly: true)
                    let outcome = try ledger.perform(operation)
                    try ledger.finish()
                    return (outcome, false)
                })
        } catch {
            if error.cause == .damaged, let position = ledger.inHand {
                writer.condition.found(
                    StoreCondition.DamagedPosition(channel: position.channel, offset: position.offset))
            }
            ledger.abandon()
            return .failure(error.cause == .damaged ? .storeDamaged : .storeFailing)
        }
    }
}

extension ReplyError {
    /// More waits for the store than it has room for.
    static let storeBusy = ReplyError(code: 100, message: "the message store is busy", isTemporary: true)
    /// The operator knows more, from the server's health and its log.
    static let storeFailing = ReplyError(code: 100, message: "the message store is failing", isTemporary: true)
    static let storeDamaged = ReplyError(
        code: 100, message: "the stored messages of the channel cannot be read", isTemporary: true)
    static let storeClosed = ReplyError(code: 100, message: "the message store is closed", isTemporary: true)
}
