import PharosCluster
import PharosDomain
import PharosNATS

/// A message of a channel as its stream has it.
struct StoredMessage: Sendable {
    var sequence: UInt64
    var mark: StoredMark
    /// When it was stored, by the server's clock: milliseconds since 1970.
    var timeMs: Int64
    var payload: [UInt8]

    init(sequence: UInt64, mark: StoredMark, timeMs: Int64, payload: [UInt8]) {
        (self.sequence, self.mark, self.timeMs, self.payload) = (sequence, mark, timeMs, payload)
    }

    /// nil for a message that is not of this engine.
    init?(_ message: JetStreamStoredMessage) {
        guard let mark = StoredMark(message.headers) else { return nil }
        (sequence, self.mark, payload) = (message.sequence, mark, message.payload)
        timeMs = ServerClock.milliseconds(message.time) ?? 0
    }

    /// The form in which direct gets and `republish` have it.
    init?(_ message: NATSMessage) {
        guard let mark = StoredMark(message.headers), let sequence = message.headers.sequence else { return nil }
        (self.sequence, self.mark, payload) = (sequence, mark, message.payload)
        timeMs = message.headers.timeStamp.flatMap { ServerClock.milliseconds($0) } ?? 0
    }

    /// The publications with their offsets, which are 0 for signals; none for a marker.
    ///
    /// None either where the pack is another one than the mark says.
    var envelopes: [PublicationEnvelope] {
        guard mark.kind != .marker, var envelopes = PublicationPack.read(payload), envelopes.count == mark.count else {
            return []
        }
        for index in envelopes.indices {
            envelopes[index].publication.offset =
                mark.kind == .publication ? mark.firstOffset + UInt64(index) : 0
        }
        return envelopes
    }
}
