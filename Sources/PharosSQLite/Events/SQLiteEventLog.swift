import CPharosSys
package import PharosDomain
import Synchronization

/// An event log in a SQLite database on the local disk.
///
/// It survives `kill -9` and a power cut. A thread of its own commits all recorded events that wait in one transaction
/// with one `fsync`. The list of connected clients lies beside the events and changes in the same transaction; so a log
/// that is opened after a crash knows the clients whose end was not recorded, and reports it (`Disconnect.serverDied`).
///
/// While the disk fails, events are kept in memory up to a limit and written when it works again.
package final class SQLiteEventLog: EventQueue {
    /// Bytes of events that may wait for the disk.
    package static let uncommittedLimit = 67_108_864

    package let storedOrigins: [OriginName]
    /// Why events that were committed may be missing; nil: none are.
    package let loss: String?
    /// Connections that had not ended when the server did.
    package let deadConnections: Int
    private let rules: EventRules
    private let inbox: EventInbox
    private let condition: StoreCondition
    private let figures = EventFigures()
    private let thread: WriterThread

    /// Opens `events.sqlite` in `directory`, which is made if need be.
    ///
    /// It records the end of the clients that were connected when the server before it died.
    ///
    /// - Parameter report: gets the events that an operator should know of, on the log's thread.
    package init(
        directory path: String, rules: EventRules, wallMs: @Sendable () -> Int64 = { pharos_wall_ms() },
        uncommittedLimit: Int = SQLiteEventLog.uncommittedLimit, report: @escaping @Sendable (StoreEvent) -> Void
    ) throws(StoreError) {
        self.rules = rules
        let directory = try StoreDirectory(path: path, database: "events.sqlite", lock: "events.lock")
        let database = try StoreDatabase(directory, .events)
        if database.openedVersion > 0, database.openedVersion < StoreSchema.events.version {
            report(.migrated(from: database.openedVersion, to: StoreSchema.events.version))
        }
        if database.hasRemovedLog { report(.needlessLogRemoved) }
        if let loss = database.loss { report(.lost(loss)) }
        self.loss = database.loss
        inbox = EventInbox(byteLimit: uncommittedLimit)
        condition = StoreCondition(path: database.path, listener: report)
        do {
            deadConnections = try EventLedger.tellOfTheDead(database, rules, nowMs: wallMs())
            let ledger = try EventLedger(database, rules)
            storedOrigins = ledger.targets
            let writer = EventWriter(database, ledger, inbox, condition, figures)
            thread = try WriterThread(name: "pharos-events", title: "event log", writer)
        } catch {
            throw StoreDatabase.refusal(database.path, error)
        }
    }

    deinit { close() }

    // MARK: EventLog

    package var kinds: Set<OriginEvent.Kind> { rules.kinds }

    package func record(_ event: OriginEvent) {
        if rules.isRecorded(event) { inbox.record(event) }
    }

    package var isAccepting: Bool {
        figures.bytes + inbox.uncommittedBytes.load(ordering: .relaxed) <= rules.maxSize && condition.isWriting
    }

    // MARK: EventQueue

    package func next(
        for origin: OriginName, after acknowledged: UInt64, limits: EventBatchLimits
    ) async -> [NumberedEvent] {
        await withCheckedContinuation { continuation in
            let reader = EventInbox.Reader(
                origin: origin, acknowledged: acknowledged, limits: limits, continuation: continuation)
            if !inbox.add(reader) { continuation.resume(returning: []) }
        }
    }

    package func release() { inbox.release() }

    package func roll(of origin: OriginName, cursor: String, limit: Int) async throws -> EventRoll {
        try await look { ledger throws(StoreFailure) in try ledger.roll(of: origin, cursor: cursor, limit: limit) }
    }

    package func snapshot(cursor: String, limit: Int) async throws -> PresenceSnapshot {
        try await look { ledger throws(StoreFailure) in try ledger.snapshot(cursor: cursor, limit: limit) }
    }

    private func look<Value: Sendable>(
        _ body: @escaping @Sendable (EventLedger) throws(StoreFailure) -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = inbox.add { writer in
                let value = writer.look { () throws(StoreFailure) in try body(writer.ledger) }
                if let value {
                    continuation.resume(returning: value)
                } else {
                    continuation.resume(throwing: ReplyError.storeFailing)
                }
            }
            if !isTaken { continuation.resume(throwing: ReplyError.storeClosed) }
        }
    }

    package var totals: EventTotals {
        var totals = EventTotals()
        totals.waiting = figures.count
        totals.waitingBytes = figures.bytes + inbox.uncommittedBytes.load(ordering: .relaxed)
        totals.recorded = inbox.recorded.load(ordering: .relaxed)
        totals.lost = inbox.lost.load(ordering: .relaxed)
        return totals
    }

    package var health: StoreHealth { condition.health }

    /// Commits what was recorded. Never from the log's own thread: it waits for it.
    package func close() {
        inbox.close()
        thread.join()
    }

    /// Limits the file to this many pages of 4 KiB from now on, for tests.
    ///
    /// Writes beyond it fail as on a full disk.
    package func limitFile(toPages pages: Int) async {
        await withCheckedContinuation { done in
            let isTaken = inbox.add { writer in
                writer.database.limitFile(toPages: pages)
                done.resume()
            }
            if !isTaken { done.resume() }
        }
    }
}
