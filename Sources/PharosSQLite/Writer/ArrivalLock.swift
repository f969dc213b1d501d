import Glibc

/// A lock with a condition: one thread sleeps until another has added something.
///
/// Synchronization's `Mutex` has no condition to wait for.
final class ArrivalLock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Guarded by the lock itself.
    private var isAwaited = false

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    /// Wakes the thread that waits, if one does. Called with the lock held.
    func wake() {
        guard isAwaited else { return }
        isAwaited = false
        pthread_cond_signal(condition)
    }

    /// Waits until `isEmpty` is false or the time is up.
    ///
    /// Called with the lock held, which is free while the thread sleeps.
    func wait(timeoutMs: Int64, while isEmpty: () -> Bool) {
        guard timeoutMs > 0, isEmpty() else { return }
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        deadline.tv_sec += Int(timeoutMs / 1_000)
        deadline.tv_nsec += Int(timeoutMs % 1_000) * 1_000_000
        if deadline.tv_nsec >= 1_000_000_000 {
            deadline.tv_sec += 1
            deadline.tv_nsec -= 1_000_000_000
        }
        isAwaited = true
        while isEmpty(), pthread_cond_timedwait(condition, mutex, &deadline) == 0 {}
        isAwaited = false
    }
}
