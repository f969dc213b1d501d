import PharosCluster
import PharosDomain
import PharosNATS

/// The channel that a writer is for.
struct WriterKey: Hashable {
    var channel: ChannelName
    var stream: StreamID
}

/// Publications that are stored: the work that the writers of channels ask for.
extension NATSEngineCore {
    /// Publications that may wait for one channel.
    private static let waitingLimit = 20_000

    func publish(_ publish: EnginePublish, _ completion: Completion) {
        let isKept = publish.options.hasHistory && !publish.skipHistory
        guard isKept || !publish.idempotencyKey.isEmpty || publish.version > 0 else {
            return publishLive(publish, completion)
        }
        var append = StreamAppend(
            channel: publish.channel, publication: publish.publication,
            retention: StreamRetention(publish.options, settings.channels), nowMs: nowMs)
        append.history = !publish.options.hasHistory ? .none : publish.skipHistory ? .skipped : .kept
        append.idempotencyKey = publish.idempotencyKey
        append.version = publish.version
        append.versionEpoch = publish.versionEpoch
        order(.append(append, except: publish.except), of: publish.channel, publish.options, completion)
    }

    func order(
        _ work: ChannelOrder.Work, of channel: ChannelName, _ options: ChannelOptions, _ completion: Completion
    ) {
        if let historyRefusal { return complete(completion, .failure(historyRefusal)) }
        var payload: [UInt8] = []
        if case .append(let append, let except) = work {
            payload = PublicationEnvelope(publication: append.publication, except: except).encoded()
            guard fits(payload) else { return complete(completion, .failure(.limitExceeded)) }
        }
        let retention = RetentionClass(options, settings.channels)
        let id = StreamID(of: channel, retention, streams: settings.streams)
        let order = ChannelOrder(
            work: work, payload: payload, relay: completion.relay, ticket: completion.ticket,
            deadlineMs: nowMs + settings.requestTimeoutMs)
        let key = WriterKey(channel: channel, stream: id)
        if !forward(order, key) { add(order, key) }
    }

    /// Whether the server takes such a message, with room for the headers.
    private func fits(_ payload: [UInt8]) -> Bool {
        guard let limit = connection.info?.maxPayload, limit > 0 else { return true }
        return payload.count + 2_048 <= limit
    }

    func makeWriter() -> ChannelWriter {
        guard let limit = connection.info?.maxPayload, limit > 0 else { return ChannelWriter(mark: writerMark) }
        return ChannelWriter(mark: writerMark, bytesPerCommit: min(1 << 18, limit / 2))
    }

    func add(_ order: ChannelOrder, _ key: WriterKey) {
        if writers[key]?.waiting.count ?? 0 >= NATSEngineCore.waitingLimit {
            return complete(order, .failure(.internalError))
        }
        usedWriters.insert(key)
        if writers[key] == nil { writers[key] = makeWriter() }
        run(writers[key]?.add(order, nowMs: nowMs) ?? [], key)
    }

    /// A stored message came live.
    func saw(_ message: StoredMessage, of channel: ChannelName, in stream: String) {
        guard let id = follows[channel]?.stream, names.stream(id) == stream else { return }
        let key = WriterKey(channel: channel, stream: id)
        clocks[id, default: ServerClock()].note(message.timeMs, nowMs: nowMs)
        note(message, key)
        writers[key]?.saw(message)
    }

    // MARK: What writers ask for

    func run(_ actions: [ChannelWriter.Action], _ key: WriterKey) {
        for action in actions { run(action, key) }
    }

    private func run(_ action: ChannelWriter.Action, _ key: WriterKey) {
        switch action {
        case .readLast:
            refuseIfUnusable(key) { [unowned self] in
                readLast(key.channel, key.stream) { [unowned self] last in
                    run(writers[key]?.lastRead(last, nowMs: nowMs) ?? [], key)
                }
            }
        case .readAfter(let sequence):
            readNext(key.channel, after: sequence, key.stream) { [unowned self] next in
                run(writers[key]?.nextRead(next, nowMs: nowMs) ?? [], key)
            }
        case .readEpoch:
            firstEpoch(of: key.channel, key.stream) { [unowned self] epoch in
                run(writers[key]?.epochRead(epoch, spare: FirstEpoch.random(), nowMs: nowMs) ?? [], key)
            }
        case .readKeys(let keys): readKeys(keys, key)
        case .write(let commit):
            write(commit, key) { [unowned self] outcome in
                if case .conflict = outcome, !commit.isUnsure, surrender(key, after: commit.id) { return }
                run(writers[key]?.written(outcome, of: commit.id, nowMs: nowMs) ?? [], key)
            }
        case .pause(let ms): after(ms) { [unowned self] in run(writers[key]?.pauseEnded(nowMs: nowMs) ?? [], key) }
        case .delete(let sequence):
            guard let subject = try? api.deleteMessage(names.stream(key.stream)) else { return }
            ask(subject, Array(#"{"seq":\#(sequence),"no_erase":true}"#.utf8)) { _ in }
        case .stored(let commit, let sequence): stored(commit, sequence, key)
        case .answer(let orders, let answers): answer(orders, answers)
        case .refuse(let orders, let error): for order in orders { complete(order, .failure(error)) }
        }
    }

    /// A stream that cannot be used refuses all that waits for it.
    private func refuseIfUnusable(_ key: WriterKey, _ body: @escaping () -> Void) {
        use(key.stream) { [unowned self] use in
            guard case .refused(let error) = use else { return body() }
            run(writers[key]?.refuseAll(error) ?? [], key)
        }
    }

    private func readKeys(_ keys: [IdempotencyKey], _ key: WriterKey) {
        var found: [IdempotencyKey: StreamPosition?]? = [:]
        var open = keys.count
        for wanted in keys {
            let subject = names.key(wanted, of: key.channel, key.stream)
            readRaw(key.stream, #"{"last_by_subj":"\#(subject)"}"#) { [unowned self] stored in
                switch stored {
                case nil: found = nil
                case .some(nil): found?.updateValue(nil, forKey: wanted)
                case .some(.some(let message)): found?.updateValue(KeyPayload.read(message.payload), forKey: wanted)
                }
                open -= 1
                guard open == 0 else { return }
                run(writers[key]?.keysRead(found, nowMs: nowMs) ?? [], key)
            }
        }
    }

    // MARK: Answers

    /// Reports what no live message has brought, and answers.
    private func stored(_ commit: ChannelCommit, _ sequence: UInt64, _ key: WriterKey) {
        noteStored(commit, sequence, key)
        if let follow = follows[key.channel], follow.lastSequence < sequence {
            for part in commit.parts {
                guard case .append(let append, let except) = commit.orders[part.order].work else { continue }
                var envelope = PublicationEnvelope(publication: append.publication, except: except)
                envelope.publication.offset = part.offset
                report(envelope, epoch: commit.after.position.epoch, of: key.channel)
            }
        }
        let stored = Set(commit.parts.map(\.order))
        answer(commit.orders, commit.answers, sequence: sequence, of: stored)
    }

    private func answer(
        _ orders: [ChannelOrder], _ answers: [ChannelCommit.Answer], sequence: UInt64 = 0, of stored: Set<Int> = []
    ) {
        for (index, (order, answer)) in zip(orders, answers).enumerated() {
            let outcome: EngineOutcome = order.append == nil ? .done : .position(answer.position)
            complete(order, .success(outcome), sequence: stored.contains(index) ? sequence : 0)
        }
    }

    func complete(_ order: ChannelOrder, _ result: Result<EngineOutcome, ReplyError>, sequence: UInt64 = 0) {
        switch order.relay {
        case NATSEngineCore.forwardedRelay: completeForwarded(order.ticket, result, sequence: sequence)
        case 0...: complete(Completion(relay: order.relay, ticket: order.ticket), result)
        default: break
        }
    }
}
