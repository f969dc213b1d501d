import CPharosSys
import PharosBytes

/// The way in which threads and tasks hand messages to a shard.
///
/// It is a locked list and an eventfd that wakes the shard's loop.
///
/// `post` may be called from anywhere; messages of one sender arrive in order. `take` is the shard's alone.
package final class Mailbox<Message: Sendable>: Sendable {
    private struct Contents: Sendable {
        var messages: [Message] = []
        var isAwake = false
        var isClosed = false
    }

    private let contents = Locked(Contents())
    let descriptor: Int32

    package init() {
        descriptor = pharos_eventfd()
        precondition(descriptor >= 0, "no descriptor is left for a shard's mailbox")
    }

    deinit { _ = pharos_close(descriptor) }

    /// Adds a message; false: the shard has ended and will not read it.
    @discardableResult
    package func post(_ message: Message) -> Bool {
        let (accepted, mustWake) = contents.withLock { contents in
            guard !contents.isClosed else { return (false, false) }
            contents.messages.append(message)
            defer { contents.isAwake = true }
            return (true, !contents.isAwake)
        }
        if mustWake { pharos_wake(descriptor) }
        return accepted
    }

    /// Adds several messages in order, waking the shard once.
    ///
    /// - Returns: false when the shard has ended.
    @discardableResult
    package func post(contentsOf messages: some Collection<Message>) -> Bool {
        let (accepted, mustWake) = contents.withLock { contents in
            guard !contents.isClosed else { return (false, false) }
            contents.messages.append(contentsOf: messages)
            defer { contents.isAwake = true }
            return (true, !contents.isAwake)
        }
        if mustWake { pharos_wake(descriptor) }
        return accepted
    }

    /// Whether no message waits.
    package var isEmpty: Bool { contents.withLock { $0.messages.isEmpty } }

    /// All messages so far, in the order of posting.
    package func take() -> [Message] {
        contents.withLock { contents in
            contents.isAwake = false
            guard !contents.messages.isEmpty else { return [] }
            var taken: [Message] = []
            swap(&taken, &contents.messages)
            return taken
        }
    }

    /// Refuses all further messages and returns those that were never taken.
    package func close() -> [Message] {
        contents.withLock { contents in
            contents.isClosed = true
            var taken: [Message] = []
            swap(&taken, &contents.messages)
            return taken
        }
    }
}
