import PharosDomain
import Synchronization

/// The queue of the event log's thread.
///
/// It holds recorded events, questions and acknowledgements. Thread-safe; its lock is held only while an event is
/// moved.
final class EventInbox: @unchecked Sendable {
    /// A task for the log's thread.
    ///
    /// It runs after all that was recorded before is committed.
    typealias Errand = @Sendable (EventWriter) -> Void

    /// Someone who wants an origin's oldest events.
    struct Reader {
        let origin: OriginName
        let acknowledged: UInt64
        let limits: EventBatchLimits
        let continuation: CheckedContinuation<[NumberedEvent], Never>
    }

    struct Batch {
        var events: [OriginEvent] = []
        var readers: [Reader] = []
        var errands: [Errand] = []
        /// Nothing comes after this.
        var isLast = false

        var isEmpty: Bool { events.isEmpty && readers.isEmpty && errands.isEmpty && !isLast }
    }

    /// Bytes of events that are not committed.
    let uncommittedBytes = Atomic<Int>(0)
    let recorded = Atomic<UInt64>(0)
    /// Events for which there was no room.
    let lost = Atomic<UInt64>(0)

    private let byteLimit: Int
    private let lock = ArrivalLock()

    // Guarded by `lock`.
    private var waiting = Batch()

    init(byteLimit: Int) {
        self.byteLimit = byteLimit
    }

    func record(_ event: OriginEvent) {
        let size = event.size
        guard uncommittedBytes.load(ordering: .relaxed) + size <= byteLimit else {
            lost.add(1, ordering: .relaxed)
            return
        }
        uncommittedBytes.add(size, ordering: .relaxed)
        recorded.add(1, ordering: .relaxed)
        _ = change { $0.events.append(event) }
    }

    /// False: the log is closed.
    func add(_ reader: Reader) -> Bool { change { $0.readers.append(reader) } }

    /// False: the log is closed.
    func add(_ errand: @escaping Errand) -> Bool { change { $0.errands.append(errand) } }

    func release() { _ = add { $0.release() } }

    func close() { _ = change { $0.isLast = true } }

    private func change(_ body: (inout Batch) -> Void) -> Bool {
        lock.withLock {
            guard !waiting.isLast else { return false }
            body(&waiting)
            lock.wake()
            return true
        }
    }

    /// Everything that waits, once there is something or the time is up.
    ///
    /// `batch` is what was taken before; its room is used again.
    func take(into batch: inout Batch, timeoutMs: Int64) {
        batch.events.removeAll(keepingCapacity: batch.events.capacity <= 8_192)
        batch.readers.removeAll()
        batch.errands.removeAll()
        lock.withLock {
            lock.wait(timeoutMs: timeoutMs) { waiting.isEmpty }
            batch.isLast = waiting.isLast
            swap(&batch, &waiting)
        }
    }
}
