import NIOCore
import PharosEdge
import Synchronization

/// What the shard writes to: collects its output and takes it to the event loop of the channel, one hop for many writes.
///
/// All the shard's calls between two hops become one write and one flush, so that a turn's publications share TLS records.
final class ChannelSink: ByteSink {
    private struct Pending {
        var output: [[UInt8]] = []
        var isClosed = false
        var isReading: Bool?
        var isScheduled = false
    }

    private let eventLoop: any EventLoop
    private let pending = Mutex(Pending())
    private let unsent = Atomic<Int>(0)
    /// Emptied when the channel closes, which also ends the reference cycle.
    private let handler: NIOLoopBoundBox<FrontHandler?>

    /// Made on the event loop.
    init(handler: FrontHandler, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.handler = NIOLoopBoundBox(handler, eventLoop: eventLoop)
    }

    var unsentBytes: Int { unsent.load(ordering: .relaxed) }

    func write(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        unsent.add(bytes.count, ordering: .relaxed)
        schedule { $0.output.append(bytes) }
    }

    func setReading(_ isReading: Bool) {
        schedule { $0.isReading = isReading }
    }

    func close() {
        schedule { $0.isClosed = true }
    }

    /// The channel is gone: what comes now is dropped. On the event loop.
    func detach() {
        handler.value = nil
    }

    private func schedule(_ change: (inout Pending) -> Void) {
        let isFirst = pending.withLock { pending in
            change(&pending)
            defer { pending.isScheduled = true }
            return !pending.isScheduled
        }
        if isFirst {
            eventLoop.execute { self.drain() }
        }
    }

    private func drain() {
        let (output, isClosed, isReading) = pending.withLock { pending in
            defer { pending = Pending() }
            return (pending.output, pending.isClosed, pending.isReading)
        }
        let count = output.reduce(0) { $0 + $1.count }
        guard let handler = handler.value else {
            unsent.subtract(count, ordering: .relaxed)
            return
        }
        if count > 0 {
            let promise = eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { _ in self.unsent.subtract(count, ordering: .relaxed) }
            handler.send(output, count: count, promise: promise)
        }
        if let isReading { handler.setReading(isReading) }
        if isClosed { handler.closeAfterOutput() }
    }
}
