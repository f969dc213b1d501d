import PharosBytes
package import PharosDomain

/// The engine of a server that stands alone.
///
/// Each relay's channels are numbered and stored in this process. The stores do the work: `PublishingRules` in the step
/// that stores. A store with a disk answers from a thread of its own; its answers are kept here, in their order, until
/// the relay collects them.
package final class InProcessEngine: ChannelEngine {
    private enum Wait {
        case publish(EnginePublish, ticket: UInt64)
        case other(ticket: UInt64)
    }

    private let stores: [StoreName: any DurableStreams]
    private let registry: StreamStores
    private let settings: ChannelSettings
    private let idempotencyWindowMs: Int64
    private let inbox: CompletionInbox
    private var waits = TicketTable<Wait>()

    /// - Parameters:
    ///   - idempotencyWindowMs: how long a repeated key gets the first answer.
    ///   - wake: called when there is something to collect, on any thread, once until it is collected.
    package init(
        _ registry: StreamStores, settings: ChannelSettings, idempotencyWindowMs: Int64,
        wake: @escaping @Sendable () -> Void
    ) {
        self.registry = registry
        self.settings = settings
        self.idempotencyWindowMs = idempotencyWindowMs
        stores = registry.open()
        inbox = CompletionInbox(wake)
    }

    private func store(_ options: ChannelOptions) -> any DurableStreams {
        guard let store = stores[registry.name(for: options)] else {
            preconditionFailure("the registry names only stores that it has opened")
        }
        return store
    }

    private func now(_ moment: Moment, _ store: any DurableStreams) -> Int64 {
        switch store.clock {
        case .wall: moment.wallMs
        case .monotonic: moment.monotonicMs
        }
    }

    package var isShared: Bool { false }

    package func answersAtOnce(_ options: ChannelOptions) -> Bool { store(options).answersAtOnce }

    // MARK: Requests

    package func submit(_ request: EngineRequest, ticket: UInt64, at now: Moment, into events: inout [EngineEvent]) {
        switch request {
        case .publish(let publish):
            let store = store(publish.options)
            let append = append(publish, nowMs: self.now(now, store))
            carryOut(.append(append), by: store, .publish(publish, ticket: ticket), into: &events)
        case .read(let channel, let options, let after, let limit, _):
            let store = store(options)
            let operation = StreamOperation.read(
                channel: channel, after: after, limit: limit, retention: retention(options),
                nowMs: self.now(now, store))
            carryOut(operation, by: store, .other(ticket: ticket), into: &events)
        case .readBackwards(let channel, let options, let before, let limit, _):
            let store = store(options)
            let operation = StreamOperation.readBackwards(
                channel: channel, before: before, limit: limit, retention: retention(options),
                nowMs: self.now(now, store))
            carryOut(operation, by: store, .other(ticket: ticket), into: &events)
        case .removeHistory(let channel, let options):
            carryOut(.removeHistory(channel: channel), by: store(options), .other(ticket: ticket), into: &events)
        case .announce(let change, let channel): events.append(.member(channel: channel, change))
        case .follow, .unfollow:
            // The only relay that could follow the channel is the one that this engine reports to.
            break
        }
    }

    private func retention(_ options: ChannelOptions) -> StreamRetention { StreamRetention(options, settings) }

    private func append(_ publish: EnginePublish, nowMs: Int64) -> StreamAppend {
        var append = StreamAppend(
            channel: publish.channel, publication: publish.publication, retention: retention(publish.options),
            nowMs: nowMs)
        append.history = !publish.options.hasHistory ? .none : publish.skipHistory ? .skipped : .kept
        append.idempotencyKey = publish.idempotencyKey
        append.idempotencyUntilMs = nowMs + idempotencyWindowMs
        append.version = publish.version
        append.versionEpoch = publish.versionEpoch
        return append
    }

    private func carryOut(
        _ operation: StreamOperation, by store: any DurableStreams, _ wait: Wait, into events: inout [EngineEvent]
    ) {
        if let result = store.carryOutNow(operation) { return finish(wait, result, into: &events) }
        store.submit(operation, ticket: waits.add(wait), to: inbox)
    }

    // MARK: Completions

    package func collect(at now: Moment, into events: inout [EngineEvent]) {
        for completion in inbox.take() {
            guard let wait = waits.take(completion.ticket) else { continue }
            finish(wait, completion.result, into: &events)
        }
    }

    private func finish(
        _ wait: Wait, _ result: Result<StreamOutcome, ReplyError>, into events: inout [EngineEvent]
    ) {
        switch (wait, result) {
        case (.publish(let publish, let ticket), .success(.appended(let position, let isRepeat))):
            if !isRepeat { events.append(.publication(channel: publish.channel, delivery(publish, at: position))) }
            events.append(.completed(ticket: ticket, .success(.position(position))))
        case (.other(let ticket), .success(.read(let read))):
            events.append(.completed(ticket: ticket, .success(.read(read))))
        case (.other(let ticket), .success(.removed)):
            events.append(.completed(ticket: ticket, .success(.done)))
        case (.publish(_, let ticket), .failure(let error)), (.other(let ticket), .failure(let error)):
            events.append(.completed(ticket: ticket, .failure(error)))
        case (.publish, .success), (.other, .success(.appended)):
            preconditionFailure("the store answered another question than it was asked")
        }
    }

    private func delivery(_ publish: EnginePublish, at position: StreamPosition) -> EngineDelivery {
        var publication = publish.publication
        publication.offset = position.offset
        let isCopied = publish.options.hasHistory && !publish.skipHistory && !store(publish.options).answersAtOnce
        return EngineDelivery(
            publication: publication, epoch: position.epoch, retention: isCopied ? retention(publish.options) : nil,
            except: publish.except)
    }

    package func expire(at now: Moment) {
        for store in stores.values { store.expire(nowMs: self.now(now, store)) }
    }
}

/// Completions of stores that are still to be collected. Any thread.
private final class CompletionInbox: StreamReceiver {
    private let completions = Locked<[StreamCompletion]>([])
    private let wake: @Sendable () -> Void

    init(_ wake: @escaping @Sendable () -> Void) { self.wake = wake }

    func completed(_ more: [StreamCompletion]) {
        let wasEmpty = completions.withLock { completions in
            defer { completions += more }
            return completions.isEmpty
        }
        if wasEmpty { wake() }
    }

    func take() -> [StreamCompletion] {
        completions.withLock { completions in
            var taken: [StreamCompletion] = []
            swap(&taken, &completions)
            return taken
        }
    }
}
