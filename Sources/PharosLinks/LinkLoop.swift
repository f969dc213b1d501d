import CPharosSys
import PharosBytes

#if canImport(Glibc)
    import Glibc
#endif

/// The event loop of a link thread: sockets, timers, and work of other threads.
///
/// Everything here happens on that thread.
package final class LinkLoop {
    private let epoll: Int32
    let inbox: LinkInbox
    private var handlers: [UInt64: (UInt32) -> Void] = [:]
    private var nextHandler: UInt64 = 1
    private var timers: [Timer] = []
    private var nextTimer: UInt64 = 1
    /// Called after each round of events: links send what their machines have written.
    private var flushers: [UInt64: (Int64) -> Void] = [:]
    private var isStopped = false

    private struct Timer {
        var id: UInt64
        var atMs: Int64
        var work: () -> Void
    }

    init(epoll: Int32, inbox: LinkInbox) {
        self.epoll = epoll
        self.inbox = inbox
    }

    deinit { _ = pharos_close(epoll) }

    package var nowMs: Int64 { pharos_monotonic_ms() }

    // MARK: Sockets

    /// Begins to watch a descriptor.
    ///
    /// - Parameter handler: gets the events, bits of `PHAROS_READ`, `PHAROS_WRITE` and `PHAROS_HANGUP`.
    package func watch(_ descriptor: Int32, _ interest: UInt32, _ handler: @escaping (UInt32) -> Void) -> UInt64 {
        let number = nextHandler
        nextHandler += 1
        handlers[number] = handler
        _ = pharos_epoll_control(epoll, 1, descriptor, interest, number, 0)
        return number
    }

    package func change(_ descriptor: Int32, _ interest: UInt32, _ number: UInt64) {
        _ = pharos_epoll_control(epoll, 2, descriptor, interest, number, 0)
    }

    package func forget(_ descriptor: Int32, _ number: UInt64) {
        handlers[number] = nil
        _ = pharos_epoll_control(epoll, 3, descriptor, 0, number, 0)
    }

    /// Calls `flush` with the time after each round of events, until `removeFlusher`.
    package func addFlusher(_ flush: @escaping (Int64) -> Void) -> UInt64 {
        let number = nextHandler
        nextHandler += 1
        flushers[number] = flush
        return number
    }

    package func removeFlusher(_ number: UInt64) { flushers[number] = nil }

    // MARK: Timers

    /// Calls `work` once, `ms` from now.
    @discardableResult
    package func after(_ ms: Int64, _ work: @escaping () -> Void) -> UInt64 {
        let timer = Timer(id: nextTimer, atMs: nowMs + max(ms, 0), work: work)
        nextTimer += 1
        let index = timers.firstIndex { $0.atMs > timer.atMs } ?? timers.count
        timers.insert(timer, at: index)
        return timer.id
    }

    package func cancel(_ timer: UInt64) { timers.removeAll { $0.id == timer } }

    // MARK: Running

    func stop() { isStopped = true }

    func run() {
        _ = watch(inbox.descriptor, PHAROS_READ) { [inbox] _ in pharos_clear_wake(inbox.descriptor) }
        let capacity = 64
        let events = UnsafeMutablePointer<pharos_event>.allocate(capacity: capacity)
        defer { events.deallocate() }
        while !isStopped {
            let beganMs = nowMs
            let wait = timers.first.map { min(max($0.atMs - nowMs, 0), 60_000) } ?? 60_000
            let count = pharos_epoll_wait(epoll, events, Int32(capacity), Int32(wait))
            handle(events, count)
            // A process that was stopped hears what has come meanwhile before it judges by the time that has passed.
            if nowMs - beganMs > wait + 500 { handle(events, pharos_epoll_wait(epoll, events, Int32(capacity), 0)) }
            for work in inbox.take() { work(self) }
            runTimers()
            let now = nowMs
            for flush in Array(flushers.values) { flush(now) }
        }
        // What was handed in last may answer somebody.
        for work in inbox.take() { work(self) }
    }

    private func handle(_ events: UnsafeMutablePointer<pharos_event>, _ count: Int32) {
        for index in 0..<Int(max(count, 0)) { handlers[events[index].data]?(events[index].events) }
    }

    private func runTimers() {
        let now = nowMs
        while let first = timers.first, first.atMs <= now {
            timers.removeFirst()
            first.work()
        }
    }
}

/// Work for a link thread. Any thread.
final class LinkInbox: Sendable {
    private let work = Locked<[@Sendable (LinkLoop) -> Void]>([])
    let descriptor: Int32

    init() { descriptor = pharos_eventfd() }

    deinit { _ = pharos_close(descriptor) }

    func add(_ more: @escaping @Sendable (LinkLoop) -> Void) {
        let wasEmpty = work.withLock { work in
            work.append(more)
            return work.count == 1
        }
        if wasEmpty { pharos_wake(descriptor) }
    }

    func take() -> [@Sendable (LinkLoop) -> Void] {
        work.withLock { work in
            var taken: [@Sendable (LinkLoop) -> Void] = []
            swap(&taken, &work)
            return taken
        }
    }
}
