import PharosDomain

/// The queue of the store's thread.
///
/// Bounded: an operation without room becomes a refusal, which costs only its ticket.
///
/// Thread-safe; its lock is held only while an operation is moved.
final class SubmissionQueue: @unchecked Sendable {
    /// Something to do on the store's thread between two transactions.
    typealias Errand = @Sendable (StoreWriter) -> Void

    struct Batch {
        var submissions: [Submission] = []
        var errands: [Errand] = []
        /// Nothing comes after this.
        var isLast = false
    }

    private let lock = ArrivalLock()
    private let countLimit: Int
    private let byteLimit: Int
    /// Refusals beyond this do not even wait in line.
    private let refusalLimit = 262_144

    // Guarded by `lock`.
    private var waiting = Batch()
    private var count = 0
    private var bytes = 0

    init(countLimit: Int, byteLimit: Int) {
        self.countLimit = countLimit
        self.byteLimit = byteLimit
    }

    /// Adds an operation.
    ///
    /// False: it was not taken, and will not be completed by the store's thread.
    func add(_ operation: StreamOperation, ticket: UInt64, receiver: any StreamReceiver) -> Bool {
        let size = operation.size
        return lock.withLock {
            guard !waiting.isLast, waiting.submissions.count < countLimit + refusalLimit else { return false }
            // One that is larger than all the room there is may go alone.
            let fits = count < countLimit && (bytes + size <= byteLimit || count == 0)
            if fits {
                count += 1
                bytes += size
            }
            let submission = Submission(operation: fits ? operation : nil, ticket: ticket, receiver: receiver)
            waiting.submissions.append(submission)
            lock.wake()
            return true
        }
    }

    /// False: the queue is closed.
    func add(_ errand: @escaping Errand) -> Bool {
        lock.withLock {
            guard !waiting.isLast else { return false }
            waiting.errands.append(errand)
            lock.wake()
            return true
        }
    }

    /// Takes nothing more.
    func close() {
        lock.withLock {
            waiting.isLast = true
            lock.wake()
        }
    }

    var isClosed: Bool { lock.withLock { waiting.isLast } }

    /// Everything that waits, once there is something or the time is up.
    ///
    /// `batch` is what was taken before; its room is used again.
    func take(into batch: inout Batch, timeoutMs: Int64) {
        batch.submissions.removeAll(keepingCapacity: batch.submissions.capacity <= 2 * countLimit)
        batch.errands.removeAll()
        lock.withLock {
            lock.wait(timeoutMs: timeoutMs) { isEmpty }
            batch.isLast = waiting.isLast
            swap(&batch, &waiting)
            count = 0
            bytes = 0
        }
    }

    private var isEmpty: Bool { waiting.submissions.isEmpty && waiting.errands.isEmpty && !waiting.isLast }
}
