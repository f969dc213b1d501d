package import NIOCore
import Synchronization

/// The open channels of one entrance: at most `limit`, closed together when the server stops. Any thread.
package final class ChannelSet: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var isDraining = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    package let limit: Int
    private let state = Mutex(State())
    private let refusals = Atomic<UInt64>(0)

    package init(limit: Int) {
        self.limit = max(1, limit)
    }

    package var count: Int { state.withLock { $0.open.count } }
    /// Channels that found no room, since start.
    package var refusedCount: UInt64 { refusals.load(ordering: .relaxed) }
    /// Whether `drain` began: nothing is let in any more.
    package var isDraining: Bool { state.withLock { $0.isDraining } }

    /// Lets `channel` in until it closes. False: there is no room, and the caller closes it.
    package func insert(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let entered = state.withLock { state in
            guard !state.isDraining, state.open.count < limit else { return false }
            state.open[id] = channel
            return true
        }
        guard entered else {
            refusals.add(1, ordering: .relaxed)
            return false
        }
        channel.closeFuture.whenComplete { _ in self.remove(id) }
        return true
    }

    /// Lets nobody in any more and returns when all channels are closed.
    ///
    /// Each channel is asked to close after the request it serves (`ChannelShouldQuiesceEvent`); what is still open after
    /// `gracePeriod` is closed by force.
    package func drain(gracePeriod: TimeAmount, on eventLoop: any EventLoop) async {
        let channels = state.withLock { state in
            state.isDraining = true
            return Array(state.open.values)
        }
        for channel in channels {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        let force = eventLoop.scheduleTask(in: gracePeriod) {
            for channel in self.state.withLock({ Array($0.open.values) }) {
                channel.close(promise: nil)
            }
        }
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.open.isEmpty { state.waiters.append(continuation) }
                return state.open.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
        force.cancel()
    }

    private func remove(_ id: ObjectIdentifier) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.open[id] = nil
            guard state.open.isEmpty else { return [] }
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
