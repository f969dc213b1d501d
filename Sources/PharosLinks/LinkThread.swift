import CPharosSys
package import PharosBytes

/// A thread that serves links to other servers.
///
/// Their read loops never wait for shards, and shards never for them.
package final class LinkThread: Sendable {
    private let inbox = LinkInbox()
    private let thread: Locked<SystemThread?>

    /// - Parameter name: how the system's tools show it; at most 15 bytes.
    package init(name: String) throws(SystemThread.StartFailure) {
        let inbox = inbox
        let epoll = pharos_epoll_create()
        let started = try SystemThread(name: name) { LinkLoop(epoll: epoll, inbox: inbox).run() }
        thread = Locked(started)
    }

    /// Runs `work` on the thread, after what was handed in before. Any thread.
    package func perform(_ work: @escaping @Sendable (LinkLoop) -> Void) { inbox.add(work) }

    /// Ends the thread, after the work that was handed in.
    ///
    /// Blocks until it has ended. Not to be called on the thread itself.
    package func stop() {
        let thread = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        guard let thread else { return }
        inbox.add { $0.stop() }
        thread.join()
    }
}
