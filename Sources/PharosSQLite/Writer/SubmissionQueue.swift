import Glibc
import PharosDomain

/// What waits for the store's thread. Bounded: an operation without room becomes a refusal, which costs only its ticket.
///
/// Thread-safe; nobody holds its lock for longer than moving an operation takes.
final class SubmissionQueue: @unchecked Sendable {
    /// Something to do on the store's thread between two transactions.
    typealias Errand = @Sendable (StoreWriter) -> Void

    struct Batch {
        var submissions: [Submission] = []
        var errands: [Errand] = []
        /// Nothing comes after this.
        var isLast = false
    }

    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrival = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let countLimit: Int
    private let byteLimit: Int
    /// Refusals beyond this do not even wait in line.
    private let refusalLimit = 262_144

    // Guarded by `lock`.
    private var waiting = Batch()
    private var count = 0
    private var bytes = 0
    private var isAwaited = false

    init(countLimit: Int, byteLimit: Int) {
        self.countLimit = countLimit
        self.byteLimit = byteLimit
        pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(arrival, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(arrival)
        pthread_mutex_destroy(lock)
        arrival.deallocate()
        lock.deallocate()
    }

    /// False: the operation was not taken, and will not be completed by the store's thread.
    func add(_ operation: StreamOperation, ticket: UInt64, receiver: any StreamReceiver) -> Bool {
        let size = operation.size
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard !waiting.isLast, waiting.submissions.count < countLimit + refusalLimit else { return false }
        // One that is larger than all the room there is may go alone.
        let fits = count < countLimit && (bytes + size <= byteLimit || count == 0)
        if fits {
            count += 1
            bytes += size
        }
        waiting.submissions.append(Submission(operation: fits ? operation : nil, ticket: ticket, receiver: receiver))
        wake()
        return true
    }

    /// False: the queue is closed.
    func add(_ errand: @escaping Errand) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard !waiting.isLast else { return false }
        waiting.errands.append(errand)
        wake()
        return true
    }

    /// Takes nothing more.
    func close() {
        pthread_mutex_lock(lock)
        waiting.isLast = true
        wake()
        pthread_mutex_unlock(lock)
    }

    var isClosed: Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return waiting.isLast
    }

    private func wake() {
        guard isAwaited else { return }
        isAwaited = false
        pthread_cond_signal(arrival)
    }

    /// Everything that waits, once there is something or the time is up. `batch` is what was taken before; its room is
    /// used again.
    func take(into batch: inout Batch, timeoutMs: Int64) {
        batch.submissions.removeAll(keepingCapacity: batch.submissions.capacity <= 2 * countLimit)
        batch.errands.removeAll()
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        if isEmpty, timeoutMs > 0 {
            var deadline = timespec()
            clock_gettime(CLOCK_MONOTONIC, &deadline)
            deadline.tv_sec += Int(timeoutMs / 1_000)
            deadline.tv_nsec += Int(timeoutMs % 1_000) * 1_000_000
            if deadline.tv_nsec >= 1_000_000_000 {
                deadline.tv_sec += 1
                deadline.tv_nsec -= 1_000_000_000
            }
            isAwaited = true
            while isEmpty, pthread_cond_timedwait(arrival, lock, &deadline) == 0 {}
            isAwaited = false
        }
        batch.isLast = waiting.isLast
        swap(&batch, &waiting)
        count = 0
        bytes = 0
    }

    private var isEmpty: Bool { waiting.submissions.isEmpty && waiting.errands.isEmpty && !waiting.isLast }
}
