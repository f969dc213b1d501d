import PharosBytes
import PharosDomain
import PharosMemory

/// A store in memory that answers from another thread, as one with a disk does.
///
/// The answers come in the order of submission.
final class LateStreams: DurableStreams {
    private let streams = MemoryStreams()
    private let queue = Locked<[(StreamOperation, UInt64, any StreamReceiver)]>([])
    /// Held while an operation is carried out.
    private let turn = Locked(())
    private let worker = Locked<Task<Void, Never>?>(nil)

    var health: StoreHealth { .working }
    var loss: String? { nil }

    func submit(_ operation: StreamOperation, ticket: UInt64, to receiver: any StreamReceiver) {
        queue.withLock { $0.append((operation, ticket, receiver)) }
        worker.withLock { worker in
            let before = worker
            worker = Task {
                await before?.value
                for (operation, ticket, receiver) in queue.withLock({ queue in
                    defer { queue = [] }
                    return queue
                }) {
                    turn.withLock { _ in streams.submit(operation, ticket: ticket, to: receiver) }
                }
            }
        }
    }

    func expire(nowMs: Int64) { turn.withLock { _ in streams.expire(nowMs: nowMs) } }

    func close() {}
}
