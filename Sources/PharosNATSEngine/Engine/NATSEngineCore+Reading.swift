import PharosDomain
import PharosNATS

/// Reads of histories.
///
/// The last message comes from the stream's leader, and with it the exact top. The publications come from any replica,
/// which may be behind; what it lacks up to the last message is read at the leader.
extension NATSEngineCore {
    private static let messagesPerRead = 500

    private struct Job {
        var channel: ChannelName
        var stream: StreamID
        var query: HistoryQuery
        var completion: Completion
        var last: StoredMessage
        var offsets: ClosedRange<UInt64>
        var collected: [Publication] = []
        /// The newest message that was seen, whether it is wanted or not.
        var seen: UInt64 = 0

        var key: WriterKey { WriterKey(channel: channel, stream: stream) }
    }

    func read(
        _ channel: ChannelName, _ options: ChannelOptions, _ direction: HistoryQuery.Direction, _ limit: Int,
        _ completion: Completion
    ) {
        guard options.hasHistory else {
            return complete(completion, .success(.read(StreamRead(top: StreamPosition()))))
        }
        if let historyRefusal { return complete(completion, .failure(historyRefusal)) }
        let id = StreamID(
            of: channel, RetentionClass(options, settings.channels), streams: settings.streams)
        let query = HistoryQuery(
            direction, limit: limit, retention: StreamRetention(options, settings.channels))
        let newest = newestKnown(of: channel, id)
        readLast(channel, id) { [unowned self] last in
            switch last {
            case .failed: complete(completion, .failure(.internalError))
            case .none:
                firstEpoch(of: channel, id) { [unowned self] epoch in
                    guard let epoch else { return complete(completion, .failure(.internalError)) }
                    complete(completion, .success(.read(StreamRead(top: StreamPosition(offset: 0, epoch: epoch)))))
                }
            case .message(let message):
                if message.sequence < newest {
                    renew(channel, id, newest)
                    return complete(completion, .failure(.internalError))
                }
                let top = message.mark.position
                guard let offsets = query.offsets(top: top.offset), message.mark.kind != .marker else {
                    return complete(completion, .success(.read(StreamRead(top: top))))
                }
                var job = Job(
                    channel: channel, stream: id, query: query, completion: completion, last: message,
                    offsets: offsets)
                if let index = indexes[job.key] {
                    job.seen = index.start(of: offsets.lowerBound, epoch: top.epoch) - 1
                }
                readReplica(job)
            }
        }
    }

    /// The newest message of a channel that this node knows to have been stored.
    private func newestKnown(of channel: ChannelName, _ id: StreamID) -> UInt64 {
        let live = follows[channel].map { $0.stream == id ? $0.lastSequence : 0 } ?? 0
        return max(live, writers[WriterKey(channel: channel, stream: id)]?.newest ?? 0)
    }

    /// Stores a new epoch for a channel whose newest messages its stream has lost.
    private func renew(_ channel: ChannelName, _ id: StreamID, _ newest: UInt64) {
        settings.report("nats: stream \(names.stream(id)) has lost messages that it had stored")
        let key = WriterKey(channel: channel, stream: id)
        if writers[key] == nil { writers[key] = makeWriter() }
        writers[key]?.heard(of: newest)
        let deadlineMs = nowMs + settings.requestTimeoutMs
        add(ChannelOrder(work: .renew, relay: -1, ticket: 0, deadlineMs: deadlineMs), key)
    }

    private func readReplica(_ job: Job) {
        let subject = names.channel(job.channel, job.stream)
        guard let target = try? api.directGet(names.stream(job.stream)) else { return fail(job) }
        let json =
            #"{"seq":\#(job.seen + 1),"next_by_subj":"\#(subject)","batch":\#(NATSEngineCore.messagesPerRead)}"#
        connection.request(
            Array(json.utf8), to: target, expectsSeveral: true, timeoutMs: max(settings.requestTimeoutMs / 2, 1)
        ) { [unowned self] answer in
            guard case .messages(let messages) = answer else { return fail(job) }
            var job = job
            for message in messages where message.headers.status == nil {
                if let stored = StoredMessage(message) { take(stored, &job) }
            }
            let status = messages.last?.headers.status
            if isDone(job) { return finish(job) }
            if status == 204, messages.last?.headers.pending ?? 0 > 0, messages.count > 1 { return readReplica(job) }
            readLeader(job)
        }
    }

    /// Reads on at the leader, since the replica had no more.
    ///
    /// It is behind, or what it lacks is gone at the leader as well.
    private func readLeader(_ job: Job) {
        readNext(job.channel, after: job.seen, job.stream) { [unowned self] next in
            var job = job
            switch next {
            case .failed: return fail(job)
            case .none: return finish(job)
            case .message(let message):
                take(message, &job)
                isDone(job) ? finish(job) : readLeader(job)
            }
        }
    }

    private func take(_ message: StoredMessage, _ job: inout Job) {
        job.seen = max(job.seen, message.sequence)
        note(message, job.key)
        let epoch = job.last.mark.position.epoch
        let wanted = job.query.wanted(of: message, in: job.offsets, of: epoch, serverMs: serverMs(job.stream))
        let known = job.collected.last?.offset ?? 0
        job.collected += wanted.filter { $0.offset > known }
    }

    /// A stored message passes.
    func note(_ message: StoredMessage, _ key: WriterKey) {
        guard message.mark.kind == .publication else { return }
        let position = StreamPosition(offset: message.mark.firstOffset, epoch: message.mark.position.epoch)
        usedWriters.insert(key)
        indexes[key, default: SequenceIndex(epoch: position.epoch)].note(position, at: message.sequence)
    }

    private func isDone(_ job: Job) -> Bool {
        job.seen >= job.last.sequence || job.query.isEnough(job.collected, in: job.offsets)
    }

    private func finish(_ job: Job) {
        complete(job.completion, .success(.read(job.query.answer(job.collected, top: job.last.mark.position))))
    }

    private func fail(_ job: Job) { complete(job.completion, .failure(.internalError)) }
}
