package import PharosDomain

/// Any store of streams whose guarantees are checked.
///
/// It is asked from many tasks at once, and answers when it has an answer.
package protocol StreamStoreUnderTest: Sendable {
    /// Throws the store's `ReplyError`.
    func perform(_ operation: StreamOperation) async throws -> StreamOutcome

    /// Deletes all that has expired by then.
    func tidy(nowMs: Int64) async

    /// Ends the store and opens it again, if it is one that outlives that.
    func restart() async throws
}

extension StreamStoreUnderTest {
    package func restart() async throws {}
}

extension StreamStoreUnderTest {
    package func append(_ append: StreamAppend) async throws -> (position: StreamPosition, isRepeat: Bool) {
        guard case .appended(let position, let isRepeat) = try await perform(.append(append)) else {
            throw ConformanceFailure(description: "an append was answered with something else")
        }
        return (position, isRepeat)
    }

    package func read(
        _ channel: ChannelName, after offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) async throws -> StreamRead {
        let operation = StreamOperation.read(
            channel: channel, after: offset, limit: limit, retention: retention, nowMs: nowMs)
        guard case .read(let read) = try await perform(operation) else {
            throw ConformanceFailure(description: "a read was answered with something else")
        }
        return read
    }

    package func readBackwards(
        _ channel: ChannelName, before offset: UInt64?, limit: Int, retention: StreamRetention, nowMs: Int64
    ) async throws -> StreamRead {
        let operation = StreamOperation.readBackwards(
            channel: channel, before: offset, limit: limit, retention: retention, nowMs: nowMs)
        guard case .read(let read) = try await perform(operation) else {
            throw ConformanceFailure(description: "a read backwards was answered with something else")
        }
        return read
    }

    package func removeHistory(of channel: ChannelName) async throws {
        try require(try await perform(.removeHistory(channel: channel)), is: .removed, "the answer to a removal")
    }
}

/// A store that is used by one at a time.
package actor OneAtATimeStore<Store: StreamStore & ~Copyable>: StreamStoreUnderTest {
    private var store: Store

    package init(_ store: consuming sending Store) { self.store = store }

    package func perform(_ operation: StreamOperation) async throws -> StreamOutcome {
        switch operation {
        case .append(let append):
            let (position, isRepeat) = try store.publish(append)
            return .appended(position, isRepeat: isRepeat)
        case .read(let channel, let after, let limit, let retention, let nowMs):
            return .read(try store.read(channel, after: after, limit: limit, retention: retention, nowMs: nowMs))
        case .readBackwards(let channel, let before, let limit, let retention, let nowMs):
            return .read(
                try store.readBackwards(channel, before: before, limit: limit, retention: retention, nowMs: nowMs))
        case .removeHistory(let channel):
            store.removeHistory(of: channel)
            return .removed
        }
    }

    package func tidy(nowMs: Int64) async { store.expire(nowMs: nowMs) }
}
