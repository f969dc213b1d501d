import PharosBytes
import ServiceLifecycle

/// One wait for one value.
///
/// Cancellation of the task and graceful shutdown end it as well.
final class Wait<Value: Sendable>: Sendable {
    private enum State: Sendable {
        case new
        case waiting(CheckedContinuation<Value, Never>)
        case ended(Value)
    }

    private let state = Locked(State.new)

    /// The first value counts.
    func end(_ value: Value) {
        let continuation: CheckedContinuation<Value, Never>? = state.withLock { state in
            switch state {
            case .new:
                state = .ended(value)
                return nil
            case .waiting(let continuation):
                state = .ended(value)
                return continuation
            case .ended: return nil
            }
        }
        continuation?.resume(returning: value)
    }

    /// - Parameter abandoned: what it is if the task ends first. To be called once.
    func value(orWhenEnding abandoned: Value) async -> Value {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withCheckedContinuation { continuation in
                let value: Value? = state.withLock { state in
                    if case .ended(let value) = state { return value }
                    state = .waiting(continuation)
                    return nil
                }
                if let value { continuation.resume(returning: value) }
            }
        } onCancelOrGracefulShutdown: {
            self.end(abandoned)
        }
    }
}
