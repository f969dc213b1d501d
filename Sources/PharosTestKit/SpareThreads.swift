import PharosBytes

#if canImport(Glibc)
    import Glibc
#endif

/// Threads on which tests may block.
///
/// Stories read sockets like a client would, and Swift's own threads are too few for that.
package final class SpareThreads: TaskExecutor, @unchecked Sendable {
    package static let shared = SpareThreads()

    private struct State: Sendable {
        var jobs: [UnownedJob] = []
        var idle = 0
    }

    private let state = Locked(State())
    private let work: UnsafeMutablePointer<sem_t>

    private init() {
        work = .allocate(capacity: 1)
        work.initialize(to: sem_t())
        sem_init(work, 0, 0)
    }

    /// Runs a job on an idle thread, or on a new one.
    ///
    /// So a job never waits for another one to end.
    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            return state.idle < state.jobs.count
        }
        if needsThread { spawn() }
        sem_post(work)
    }

    private func spawn() {
        state.withLock { $0.idle += 1 }
        guard let thread = try? SystemThread(name: "pharos-spare", body: { SpareThreads.shared.run() }) else {
            preconditionFailure("no thread could be created for a test")
        }
        thread.detach()
    }

    private func run() {
        while true {
            while sem_wait(work) != 0 {}
            let job = state.withLock { state in
                state.idle -= 1
                return state.jobs.removeFirst()
            }
            job.runSynchronously(on: asUnownedTaskExecutor())
            state.withLock { $0.idle += 1 }
        }
    }
}
