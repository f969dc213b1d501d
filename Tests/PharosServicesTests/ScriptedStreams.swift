import PharosBytes
import PharosDomain
import PharosMemory

/// A durable store whose disk is in the story's hands: it keeps what it is asked until the story lets it go on.
final class ScriptedStreams: DurableStreams {
    private struct State {
        var store = MemoryState()
        var waiting: [(StreamOperation, UInt64, any StreamReceiver)] = []
        var goesOn = true
        var fails = false
        var keys: [String: StreamPosition] = [:]
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

    var health: StoreHealth { state.withLock { $0.fails ? .failing("the disk is full") : .working } }

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
                let key = append.idempotencyKey.isEmpty ? "" : append.channel + "\0" + append.idempotencyKey
                if let known = state.keys[key] { return .success(.appended(known, isRepeat: true)) }
                let position = try state.store.streams.append(
                    append.publication, to: append.channel, retention: append.retention, nowMs: append.nowMs)
                if !key.isEmpty { state.keys[key] = position }
                return .success(.appended(position, isRepeat: false))
            case .read(let channel, let after, let limit, let retention, let nowMs):
                return .success(
                    .read(
                        try state.store.streams.read(
                            channel, after: after, limit: limit, retention: retention, nowMs: nowMs)))
            case .readBackwards(let channel, let before, let limit, let retention, let nowMs):
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
