import CPharosSys
package import PharosDomain

/// How much an embedded store may hold in memory, and its clock.
package struct SQLiteStreamsOptions: Sendable {
    /// Operations that may wait for the disk, and their bytes.
    ///
    /// Operations beyond it are refused for the moment.
    package var queueLimit = 4_096
    package var queueBytes = 67_108_864
    /// Streams that are remembered without asking the database.
    package var headCapacity = 100_000
    /// Milliseconds since 1970, for what expires without being used.
    package var wallMs: @Sendable () -> Int64 = { pharos_wall_ms() }

    package init() {}
}

/// Streams in a SQLite database on the local disk.
///
/// Confirmed publications survive `kill -9` and a power cut.
///
/// A thread of its own carries out what is submitted, all that waits in one transaction with one `fsync` (see `StoreWriter`).
/// A second server on the same directory is refused. What the disk has changed is never shown: rows carry a checksum, and
/// where commits are missing that were answered for, every epoch changes (see `AnsweredRecord`).
///
/// Histories are cut at 67,108,864 publications. Expiry follows the wall clock, in the order of the offsets: a publication
/// never expires before an older one of its stream. A clock that is set back changes neither offsets nor epochs; what had
/// expired and is not deleted yet may then be shown again.
package final class SQLiteStreams: DurableStreams {
    let queue: SubmissionQueue
    private let condition: StoreCondition
    package let loss: String?
    private let thread: WriterThread

    /// Opens the store in `directory`, which is made if need be.
    ///
    /// The database is brought to this version's schema. It takes the same time however much is stored.
    ///
    /// - Parameter report: gets the events that an operator should know of, on the store's thread.
    package init(
        directory path: String, options: SQLiteStreamsOptions = SQLiteStreamsOptions(),
        report: @escaping @Sendable (StoreEvent) -> Void
    ) throws(StoreError) {
        let directory = try StoreDirectory(path: path)
        let database = try StoreDatabase(directory)
        if database.openedVersion > 0, database.openedVersion < StoreSchema.streams.version {
            report(.migrated(from: database.openedVersion, to: StoreSchema.streams.version))
        }
        if database.hasRemovedLog { report(.needlessLogRemoved) }
        if let loss = database.loss { report(.lost(loss)) }
        self.loss = database.loss
        queue = SubmissionQueue(countLimit: options.queueLimit, byteLimit: options.queueBytes)
        condition = StoreCondition(path: database.path, listener: report)
        do {
            let writer = try StoreWriter(database, options, queue, condition)
            thread = try WriterThread(name: "pharos-store", title: "store", writer)
        } catch {
            throw StoreDatabase.refusal(database.path, error)
        }
    }

    deinit { close() }

    /// While the store is open, completions come on its thread.
    ///
    /// After `close`, and when more than 260,000 submissions wait, the refusal comes at once, on the caller's.
    package func submit(_ operation: StreamOperation, ticket: UInt64, to receiver: any StreamReceiver) {
        guard !queue.add(operation, ticket: ticket, receiver: receiver) else { return }
        let error = queue.isClosed ? ReplyError.storeClosed : .storeBusy
        receiver.completed([StreamCompletion(ticket: ticket, result: .failure(error))])
    }

    package var health: StoreHealth { condition.health }

    /// Never from a completion: it waits for the store's thread.
    package func close() {
        queue.close()
        thread.join()
    }
}
