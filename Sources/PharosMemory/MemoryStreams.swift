package import PharosDomain

/// The store of streams in this process's memory, for one relay.
///
/// Everything is carried out inside the call. Used on its relay's thread only.
package final class MemoryStreams: DurableStreams, @unchecked Sendable {
    private var streams = MemoryStreamStore()

    package init() {}

    package var clock: StreamClock { .monotonic }
    package var answersAtOnce: Bool { true }
    package var health: StoreHealth { .working }
    package var loss: String? { nil }

    package func submit(_ operation: StreamOperation, ticket: UInt64, to receiver: any StreamReceiver) {
        receiver.completed([StreamCompletion(ticket: ticket, result: carryOut(operation))])
    }

    package func carryOutNow(_ operation: StreamOperation) -> Result<StreamOutcome, ReplyError>? {
        carryOut(operation)
    }

    private func carryOut(_ operation: StreamOperation) -> Result<StreamOutcome, ReplyError> {
        do throws(ReplyError) {
            switch operation {
            case .append(let append):
                let (position, isRepeat) = try streams.publish(append)
                return .success(.appended(position, isRepeat: isRepeat))
            case .read(let channel, let after, let limit, let retention, let nowMs):
                return .success(
                    .read(try streams.read(channel, after: after, limit: limit, retention: retention, nowMs: nowMs)))
            case .readBackwards(let channel, let before, let limit, let retention, let nowMs):
                return .success(
                    .read(
                        try streams.readBackwards(
                            channel, before: before, limit: limit, retention: retention, nowMs: nowMs)))
            case .removeHistory(let channel):
                streams.removeHistory(of: channel)
                return .success(.removed)
            }
        } catch {
            return .failure(error)
        }
    }

    package func expire(nowMs: Int64) { streams.expire(nowMs: nowMs) }

    package func close() {}
}
