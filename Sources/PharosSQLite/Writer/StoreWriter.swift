import CPharosSys
import PharosDomain

/// The store's thread: commits all waiting operations together.
///
/// They are carried out in one transaction, and their submitters are answered once that is on the disk. While it commits,
/// the next batch gathers; so the slower the disk, the more goes into one commit, and no operation waits for company.
final class StoreWriter: DedicatedWriter {
    let database: StoreDatabase
    let ledger: StreamLedger
    let condition: StoreCondition
    private let queue: SubmissionQueue
    private let wallMs: @Sendable () -> Int64
    /// Monotonic times at which something is due; `.max`: nothing is.
    private var tidyDueMs: Int64 = 0
    private var probeDueMs: Int64 = .max

    init(
        _ database: StoreDatabase, _ options: SQLiteStreamsOptions,
        _ queue: SubmissionQueue, _ condition: StoreCondition
    ) throws {
        self.database = database
        self.queue = queue
        self.condition = condition
        wallMs = options.wallMs
        ledger = try StreamLedger(database, headCapacity: options.headCapacity)
    }

    /// Works until the queue is closed and empty.
    func run() {
        var batch = SubmissionQueue.Batch()
        repeat {
            let nowMs = pharos_monotonic_ms()
            queue.take(into: &batch, timeoutMs: min(tidyDueMs, probeDueMs, nowMs + 30_000) - nowMs)
            for errand in batch.errands { errand(self) }
            if !batch.submissions.isEmpty { carryOut(batch.submissions) }
            lookAfterItself(wasBusy: !batch.submissions.isEmpty)
        } while !batch.isLast
    }

    // MARK: Batches

    private func carryOut(_ submissions: [Submission]) {
        let outcomes = StoreBatch(submissions, self).carriedOut(tidies: pharos_monotonic_ms() >= tidyDueMs)
        var groups = CompletionGroups()
        for index in submissions.indices { groups.add(outcomes[index], for: submissions[index]) }
        groups.tell()
    }

    // MARK: Retention and recovery

    /// Does the work that has no submitter.
    ///
    /// It deletes when no operation is waiting, and finds out whether what failed works again.
    private func lookAfterItself(wasBusy: Bool) {
        let nowMs = pharos_monotonic_ms()
        if !wasBusy, nowMs >= tidyDueMs { tidyAlone() }
        if nowMs >= probeDueMs { probe() }
        if condition.isWorking {
            probeDueMs = .max
        } else if probeDueMs == .max || nowMs >= probeDueMs {
            probeDueMs = nowMs + 1_000
        }
    }

    /// Takes one step of retention within a transaction that is under way.
    ///
    /// It deletes twice as much as the transaction adds, so that the store does not grow while the server is busy.
    func tidyStep(appended: Int) throws(StoreFailure) {
        let wall = wallMs()
        scheduleTidying(dueMs: try ledger.tidy(nowMs: wall, budget: max(256, 2 * appended)), wallMs: wall)
    }

    func tidyingFailed(_ failure: StoreFailure) {
        tidyDueMs = pharos_monotonic_ms() + 60_000
        condition.report(.tidyingFailed(failure.text(at: database.path)))
    }

    /// Schedules the next tidying by monotonic time.
    ///
    /// It comes within a minute, so that a stepped clock is noticed.
    private func scheduleTidying(dueMs: Int64, wallMs: Int64) {
        let nowMs = pharos_monotonic_ms()
        tidyDueMs = dueMs <= wallMs ? nowMs : nowMs + min(max(dueMs - wallMs, 1_000), 60_000)
    }

    private func tidyAlone() {
        // Failing is noticed by publishing and by the probe.
        guard condition.isWriting else {
            tidyDueMs = pharos_monotonic_ms() + 1_000
            return
        }
        do throws(StoreFailure) {
            try database.transaction { () throws(StoreFailure) in
                ledger.begin()
                try tidyStep(appended: 256)
                try ledger.finish()
                return ((), ledger.hasWritten)
            }
        } catch {
            ledger.abandon()
            tidyingFailed(error)
        }
    }

    /// Deletes all that can be deleted now.
    func tidyCompletely() {
        tidyDueMs = 0
        while condition.isWriting, pharos_monotonic_ms() >= tidyDueMs { tidyAlone() }
    }

    private func probe() {
        if !condition.isWriting {
            do throws(StoreFailure) {
                // Large enough to need room, in a transaction of its own, since what is deleted at once is not written.
                try transaction(writing: ledger.statements.deleteProbe)
                ledger.statements.insertProbe.bind(1, 65_536 as Int64)
                try transaction(writing: ledger.statements.insertProbe)
                try transaction(writing: ledger.statements.deleteProbe)
                condition.succeeded()
            } catch {
                condition.failed(error)
            }
        }
        condition.forgetDamage { position in
            do throws(StoreFailure) {
                try database.transaction { () throws(StoreFailure) in
                    ledger.begin(looksOnly: true)
                    try ledger.look(at: position.channel, position.offset)
                    return ((), false)
                }
                return true
            } catch {
                ledger.abandon()
                return false
            }
        }
    }

    private func transaction(writing statement: PreparedStatement) throws(StoreFailure) {
        try database.transaction { () throws(StoreFailure) in
            try statement.run()
            return ((), true)
        }
    }
}
