import PharosDomain
import PharosServices
import ServiceLifecycle

extension PharosServer {
    /// A subscriber in this process.
    ///
    /// It gets one channel's publications like any client, without a socket.
    ///
    /// Iterate over it with `for await`; it is live from the moment it was made. One task reads it at a time. It ends when
    /// the reading task is cancelled, when it is no longer referenced, when `cancel()` is called, and with the server.
    ///
    /// In a service of a group it ends with graceful shutdown, after what has arrived by then, wherever in the group the
    /// service and the server stand: it never ends before the service's turn, which would be an error of the group.
    ///
    /// At most `queueLimit` publications (and 16 MiB of them) wait for the reader. Beyond that the oldest are dropped:
    /// they are counted, and the next publication says that it `followsGap`.
    public struct Subscription: AsyncSequence, Sendable {
        /// Where a subscription begins.
        public struct Start: Hashable, Sendable {
            /// nil in channels without history.
            public let position: Position?
            /// Whether everything after the position asked for follows, without a gap.
            ///
            /// nil: none was asked for.
            public let recovered: Bool?

            package init(position: Position?, recovered: Bool?) {
                self.position = position
                self.recovered = recovered
            }
        }

        public let channel: String
        private let queue: PublicationQueue
        private let ending: ServerEnding
        private let membership: Membership

        init(channel: String, queue: PublicationQueue, ending: ServerEnding, leave: @escaping @Sendable () -> Void) {
            self.channel = channel
            self.queue = queue
            self.ending = ending
            membership = Membership(leave)
        }

        /// Waits until it is live, and returns where it begins.
        /// - Throws: 102 for an unknown namespace, and the like; the iteration is then over as well.
        public func started() async throws(PharosError) -> Start {
            let phase = await withGracefulShutdownHandler {
                await queue.started()
            } onGracefulShutdown: { [queue, membership] in
                queue.finish()
                membership.end()
            }
            switch phase {
            case .live(let start):
                let position = start.position.epoch.isEmpty ? nil : Position(start.position)
                return Start(position: position, recovered: start.recovered)
            case .ended(.stopping?):
                await ending.ownTurn()
                throw PharosError(.stopping)
            case .ended(let error?): throw PharosError(error)
            case .ended(nil), .joining: throw .stopped
            }
        }

        /// Publications that were dropped so far, since the reader was too slow.
        public var dropped: UInt64 { queue.dropped }

        /// Why it ended; nil while it goes on, and when the reader ended it.
        public var failure: PharosError? { queue.failure.map { PharosError($0) } }

        /// Ends it; what still waits is thrown away.
        public func cancel() {
            queue.end()
            membership.end()
        }

        public func makeAsyncIterator() -> Iterator {
            Iterator(channel: channel, queue: queue, ending: ending, membership: membership)
        }

        public struct Iterator: AsyncIteratorProtocol {
            private let channel: String
            private let queue: PublicationQueue
            private let ending: ServerEnding
            private let membership: Membership
            private var batch: [PublicationQueue.Entry] = []
            private var index = 0

            fileprivate init(
                channel: String, queue: PublicationQueue, ending: ServerEnding, membership: Membership
            ) {
                self.channel = channel
                self.queue = queue
                self.ending = ending
                self.membership = membership
            }

            public mutating func next() async -> Publication? { await next(isolation: nil) }

            /// The next publication; nil: it is over.
            public mutating func next(isolation actor: isolated (any Actor)?) async -> Publication? {
                if index == batch.count {
                    batch = []
                    index = 0
                    batch = await Iterator.taken(queue, membership)
                    guard !batch.isEmpty else {
                        membership.end()
                        if queue.failure == .stopping { await ending.ownTurn() }
                        return nil
                    }
                }
                defer { index += 1 }
                return Publication(channel: channel, entry: batch[index])
            }

            private static func taken(
                _ queue: PublicationQueue, _ membership: Membership
            ) async -> [PublicationQueue.Entry] {
                await withGracefulShutdownHandler {
                    await queue.take()
                } onGracefulShutdown: {
                    queue.finish()
                    membership.end()
                }
            }
        }
    }
}

/// Leaves the channel once, at the latest when it is no longer referenced.
final class Membership: Sendable {
    private let leave: @Sendable () -> Void

    init(_ leave: @escaping @Sendable () -> Void) { self.leave = leave }

    deinit { leave() }

    /// Leaving twice is the same as leaving once.
    func end() { leave() }
}
