import PharosBytes
import PharosDomain
import PharosMemory

/// A durable store that keeps requests until the story lets it go on.
final class ScriptedStreams: DurableStreams {
    private struct State {
        var store = MemoryState()
        var waiting: [(StreamOperation, UInt64, any StreamReceiver)] = []
        var goesOn = true
        var fails = false
        var failsReads = false
        var asked = 0
    }

    /// A class, since the store must not be copied.
    private final class MemoryState: @unchecked Sendable {
        var streams = MemoryStreamStore()
    }

    private let state = Locked(State())

    /// Operations asked for so far, done or not.
    var asked: Int { state.withLock { $0.asked } }

    func submit(_ operation: StreamOperation, ticket: UInt64, to receiver: any StreamReceiver) {
        state.withLock {
            $0.waiting.append((operation, ticket, receiver))
            $0.asked += 1
        }
        if state.withLock({ $0.goesOn }) { work() }
    }

    /// From now on nothing is done.
    func hold() { state.withLock { $0.goesOn = false } }

    /// Does what waits, and from now on everything at once.
    func goOn() {
        state.withLock { $0.goesOn = true }
        work()
    }

    /// The disk is full, or no longer.
    func setFailing(_ fails: Bool) { state.withLock { $0.fails = fails } }

    /// The disk cannot be read, or can again.
    func setFailingReads(_ fails: Bool) { state.withLock { $0.failsReads = fails } }

    var health: StoreHealth { state.withLock { $0.fails ? .failing("the disk is full") : .working } }

    var loss: String? { nil }

    func close() {}

    private func work() {
        state.withLock { state in
            for (operation, ticket, receiver) in state.waiting {
                receiver.completed([
                    StreamCompletion(ticket: ticket, result: ScriptedStreams.carryOut(operation, &state))
                ])
            }
            state.waiting = []
        }
    }

    private static func carryOut(
        _ operation: StreamOperation, _ state: inout State
    ) -> Result<StreamOutcome, ReplyError> {
        do throws(ReplyError) {
            switch operation {
            case .append(let append):
                guard !state.fails else { return .failure(.internalError) }
                let (position, isRepeat) = try state.store.streams.publish(append)
                return .success(.appended(position, isRepeat: isRepeat))
            case .read(let channel, let after, let limit, let retention, let nowMs):
                guard !state.failsReads else { return .failure(.internalError) }
                return .success(
                    .read(
                        try state.store.streams.read(
                            channel, after: after, limit: limit, retention: retention, nowMs: nowMs)))
            case .readBackwards(let channel, let before, let limit, let retention, let nowMs):
                guard !state.failsReads else { return .failure(.internalError) }
                return .success(
                    .read(
                        try state.store.streams.readBackwards(
                            channel, before: before, limit: limit, retention: retention, nowMs: nowMs)))
            case .removeHistory(let channel):
                state.store.streams.removeHistory(of: channel)
                return .success(.removed)
            }
        } catch {
            return .failure(error)
        }
    }
}
