import PharosBytes
import PharosCluster
import PharosDomain
import PharosNATS

/// Commits on their way: one guarded message each.
///
/// With the keys of its publications it is an atomic batch (ADR-50).
extension NATSEngineCore {
    private struct Outgoing {
        var subject: String
        var headers = NATSHeaders()
        var payload: [UInt8]
    }

    func write(
        _ commit: ChannelCommit, _ key: WriterKey, _ body: @escaping (ChannelWriter.Outcome) -> Void
    ) {
        do throws(NATSOrderError) {
            let messages = try commit.keys.map { (entry) throws(NATSOrderError) in try keyMessage(entry, key) }
            var last = try channelMessage(commit, key)
            // Another attempt is another batch: the server may still have half of the last one.
            let batch = "\(commit.id).\(commit.attempts)"
            for (index, message) in messages.enumerated() {
                var headers = message.headers
                try headers.add(batchID: batch, sequence: UInt64(index + 1), commits: false)
                try connection.publish(message.payload, to: message.subject, headers: headers)
            }
            if !messages.isEmpty {
                try last.headers.add(batchID: batch, sequence: UInt64(messages.count + 1), commits: true)
            }
            connection.request(
                last.payload, to: last.subject, headers: last.headers,
                timeoutMs: max(settings.requestTimeoutMs / 2, 1)
            ) { [unowned self] in body(outcome($0, key)) }
        } catch {
            // The message that would have committed it was not sent.
            body(.refused)
        }
    }

    private func outcome(_ answer: NATSConnection.Answer, _ key: WriterKey) -> ChannelWriter.Outcome {
        switch answer {
        case .unknown: return .unknown
        case .refused: return .refused
        case .noResponders:
            // No stream has the subject.
            streams.forget(key.stream)
            return .conflict
        case .messages(let messages):
            guard let read = try? JetStreamAcknowledgement.read(messages.last?.payload ?? []) else { return .unknown }
            switch read {
            case .success(let acknowledgement): return .stored(acknowledgement.sequence)
            case .failure(let error):
                switch error.reason {
                case JetStreamError.wrongLastSequence, JetStreamError.writeInFlight: return .conflict
                case JetStreamError.streamNotFound:
                    streams.forget(key.stream)
                    return .conflict
                // A batch whose beginning is lost, or one too many at the same time.
                case 10_176, 10_210: return .refused
                default:
                    settings.report("nats: \(names.stream(key.stream)): \(error.text) (\(error.reason))")
                    return .unknown
                }
            }
        }
    }

    private func keyMessage(_ entry: ChannelCommit.Key, _ key: WriterKey) throws(NATSOrderError) -> Outgoing {
        var message = Outgoing(
            subject: names.key(entry.key, of: key.channel, key.stream), payload: KeyPayload.bytes(entry.position))
        message.headers.add(expectedLastSubjectSequence: 0)
        try message.headers.add("Nats-TTL", "\(max((settings.idempotencyWindowMs + 999) / 1_000, 1))s")
        return message
    }

    private func channelMessage(
        _ commit: ChannelCommit, _ key: WriterKey
    ) throws(NATSOrderError) -> Outgoing {
        let envelopes = commit.parts.map { commit.orders[$0.order].payload }
        var message = Outgoing(
            subject: names.channel(key.channel, key.stream), payload: PublicationPack.bytes(envelopes))
        if let mark = commit.mark { try message.headers.add(StoredMark.header, mark.text) }
        message.headers.add(expectedLastSubjectSequence: commit.guardSequence)
        if commit.replacesHistory { try message.headers.add("Nats-Rollup", "sub") }
        return message
    }
}

/// The payload of an idempotency key: the position that the first answer had.
enum KeyPayload {
    static func bytes(_ position: StreamPosition) -> [UInt8] { Array("\(position.offset) \(position.epoch)".utf8) }

    static func read(_ bytes: [UInt8]) -> StreamPosition {
        let fields = String(decoding: bytes, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count >= 2, let offset = UInt64(fields[0]) else { return StreamPosition() }
        return StreamPosition(offset: offset, epoch: Epoch(fields[1]))
    }
}
