import CPharosSys
import PharosDomain
import Synchronization

/// The event log's thread.
///
/// It commits all that was recorded in one transaction, then answers readers.
///
/// What could not be written is kept, in order, and tried again every second with what came after it.
final class EventWriter: DedicatedWriter {
    let database: StoreDatabase
    let ledger: EventLedger
    let condition: StoreCondition
    private let inbox: EventInbox
    /// Events in the database and their bytes, for those who ask from other threads.
    private let figures: EventFigures
    private var uncommitted: [OriginEvent] = []
    /// The numbers that are acknowledged and whose events are not deleted yet.
    private var acknowledged: [OriginName: UInt64] = [:]
    private var readers: [EventInbox.Reader] = []
    private var isReleased = false
    /// Monotonic; `.max`: everything works.
    private var retryDueMs: Int64 = .max

    init(
        _ database: StoreDatabase, _ ledger: EventLedger, _ inbox: EventInbox, _ condition: StoreCondition,
        _ figures: EventFigures
    ) {
        self.database = database
        self.ledger = ledger
        self.inbox = inbox
        self.condition = condition
        self.figures = figures
        figures.set(ledger)
    }

    /// Works until the inbox is closed and empty.
    func run() {
        var batch = EventInbox.Batch()
        repeat {
            let nowMs = pharos_monotonic_ms()
            inbox.take(into: &batch, timeoutMs: min(retryDueMs, nowMs + 30_000) - nowMs)
            take(batch)
            if retryDueMs == .max || batch.isLast || pharos_monotonic_ms() >= retryDueMs { write() }
            for errand in batch.errands { errand(self) }
            answerReaders()
        } while !batch.isLast
        for reader in readers { reader.continuation.resume(returning: []) }
    }

    func release() { isReleased = true }

    private func take(_ batch: EventInbox.Batch) {
        if uncommitted.isEmpty {
            uncommitted = batch.events
        } else {
            uncommitted += batch.events
        }
        for reader in batch.readers {
            if reader.acknowledged > 0 { acknowledged[reader.origin] = reader.acknowledged }
            readers.append(reader)
        }
    }

    // MARK: Writing

    private func write() {
        let isProbing = !condition.isWriting && uncommitted.isEmpty && acknowledged.isEmpty
        guard isProbing || !uncommitted.isEmpty || !acknowledged.isEmpty else { return }
        do throws(StoreFailure) {
            try transaction { () throws(StoreFailure) in
                try self.forgetAcknowledged()
                for event in self.uncommitted { try self.ledger.record(event) }
                if isProbing { try self.ledger.probe() }
            }
            var bytes = 0
            for event in uncommitted { bytes += event.size }
            figures.set(ledger)
            inbox.uncommittedBytes.subtract(bytes, ordering: .relaxed)
            uncommitted = []
            acknowledged = [:]
            retryDueMs = .max
            condition.succeeded()
        } catch {
            condition.failed(error)
            retryDueMs = pharos_monotonic_ms() + 1_000
            makeRoom()
        }
    }

    /// On a full disk deleting may still work, and make the room that is missing.
    private func makeRoom() {
        guard !uncommitted.isEmpty, !acknowledged.isEmpty else { return }
        do throws(StoreFailure) {
            try transaction { () throws(StoreFailure) in try self.forgetAcknowledged() }
            figures.set(ledger)
            acknowledged = [:]
            retryDueMs = pharos_monotonic_ms()
        } catch {
            // It was reported already, and is tried again with the rest.
        }
    }

    private func forgetAcknowledged() throws(StoreFailure) {
        for (origin, sequence) in acknowledged { try ledger.forget(origin, upTo: sequence) }
    }

    private func transaction(_ body: () throws(StoreFailure) -> Void) throws(StoreFailure) {
        ledger.begin()
        do throws(StoreFailure) {
            try database.transaction { () throws(StoreFailure) in
                try body()
                return ((), true)
            }
        } catch {
            ledger.abandon()
            throw error
        }
    }

    // MARK: Reading

    /// Reads what is committed. A failure is reported.
    func look<Value>(_ body: () throws(StoreFailure) -> Value) -> Value? {
        do throws(StoreFailure) {
            return try database.transaction { () throws(StoreFailure) in (try body(), false) }
        } catch {
            condition.failed(error)
            retryDueMs = min(retryDueMs, pharos_monotonic_ms() + 1_000)
            return nil
        }
    }

    private func answerReaders() {
        var rest: [EventInbox.Reader] = []
        for reader in readers {
            let events =
                ledger.hasEvents(for: reader.origin, after: reader.acknowledged)
                ? look { () throws(StoreFailure) in
                    try self.ledger.events(for: reader.origin, after: reader.acknowledged, reader.limits)
                } : []
            if let events, !events.isEmpty || isReleased {
                reader.continuation.resume(returning: events)
            } else if isReleased {
                reader.continuation.resume(returning: [])
            } else {
                rest.append(reader)
            }
        }
        readers = rest
    }
}

/// How much the database holds, kept by the log's thread, read by any.
final class EventFigures: Sendable {
    private let storedCount = Atomic<Int>(0)
    private let storedBytes = Atomic<Int>(0)

    var count: Int { storedCount.load(ordering: .relaxed) }
    var bytes: Int { storedBytes.load(ordering: .relaxed) }

    func set(_ ledger: EventLedger) {
        storedCount.store(ledger.count, ordering: .relaxed)
        storedBytes.store(ledger.bytes, ordering: .relaxed)
    }
}
