import PharosDomain

/// The operations on streams, inside a transaction of the caller's.
///
/// For the store's thread.
///
/// It remembers the heads of the streams used last and writes each once per transaction, in `finish`. After a transaction that
/// failed, `abandon` makes it forget all that the transaction had touched.
final class StreamLedger {
    let statements: LedgerStatements
    var cache: StreamHeadCache
    /// Heads of the running transaction.
    var touched: [StreamHead] = []
    /// Whether the running transaction has something to commit.
    var hasWritten = false
    /// Whether the running transaction only looks.
    ///
    /// Then nothing is created, refreshed or forgotten.
    private(set) var looksOnly = false
    /// The last operation, by which its damage is known from other damage.
    var inHand: (channel: ChannelName, offset: UInt64?)?
    var epochs: StoreEpochs
    /// Whether the running transaction has changed `epochs`, and what they were before.
    var hasForgotten = false
    private var epochsBefore: StoreEpochs
    private var nextID: UInt64

    init(_ database: StoreDatabase, headCapacity: Int) throws {
        statements = try database.prepare { try LedgerStatements($0) }
        epochs = try database.prepare { try StoreEpochs($0) }
        epochsBefore = epochs
        cache = StreamHeadCache(capacity: headCapacity)
        let newest = statements.newestID
        defer { newest.reset() }
        nextID = try newest.next() ? newest.uint64(0) % RowKey.idLimit : 0
    }

    // MARK: Transactions

    func begin(looksOnly: Bool = false) {
        // Until here the last transaction could still fail, and what it touched be forgotten.
        for head in touched {
            head.appended = 0
            head.isTouched = false
        }
        touched.removeAll(keepingCapacity: true)
        if hasForgotten { epochsBefore = epochs }
        hasForgotten = false
        cache.age()
        self.looksOnly = looksOnly
        hasWritten = false
        inHand = nil
    }

    /// Writes what the transaction has changed of the streams' heads.
    ///
    /// The commit is still to come, and may fail.
    func finish() throws(StoreFailure) {
        for head in touched {
            inHand = (head.channel, nil)
            if !head.isForgotten { try write(head) }
        }
    }

    func abandon() {
        for head in touched { cache.remove(head.channel) }
        touched.removeAll()
        hasWritten = false
        if hasForgotten { epochs = epochsBefore }
        hasForgotten = false
    }

    func perform(_ operation: StreamOperation) throws(StoreFailure) -> StreamOutcome {
        switch operation {
        case .append(let append):
            inHand = (append.channel, nil)
            var ledger = self
            let (position, isRepeat) = try ledger.publish(append)
            return .appended(position, isRepeat: isRepeat)
        case .read(let channel, let after, let limit, let retention, let nowMs):
            return .read(try read(channel, after: after, limit: limit, retention, nowMs))
        case .readBackwards(let channel, let before, let limit, let retention, let nowMs):
            return .read(try readBackwards(channel, before: before, limit: limit, retention, nowMs))
        case .removeHistory(let channel):
            try removeHistory(of: channel)
            return .removed
        }
    }

    // MARK: Ids

    /// An id that neither a stream nor a row has.
    ///
    /// They are counted up, and from 1 again once all were used.
    func freshID() throws(StoreFailure) -> UInt64 {
        while true {
            nextID = nextID + 1 < RowKey.idLimit ? nextID + 1 : 1
            let uses = statements.usesID
            uses.bind(1, nextID)
            defer { uses.reset() }
            if try !uses.next() { return nextID }
        }
    }
}
