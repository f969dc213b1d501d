import PharosCluster
import PharosDomain

/// The part of a channel's messages that a read wants, and its answer.
struct HistoryQuery: Sendable {
    enum Direction: Sendable {
        /// After this offset, ascending; nil: from the oldest.
        case forwards(after: UInt64?)
        /// Before this offset, newest first; nil: from the newest.
        case backwards(before: UInt64?)
    }

    var direction: Direction
    var limit: Int
    var size: Int
    var ttlMs: Int64

    init(_ direction: Direction, limit: Int, retention: StreamRetention) {
        self.direction = direction
        self.limit = limit
        size = retention.size
        ttlMs = retention.ttlMs
    }

    /// The offsets that may be in the answer, if the stream's top is `top`; nil: none.
    func offsets(top: UInt64) -> ClosedRange<UInt64>? {
        guard limit > 0, size > 0, top > 0 else { return nil }
        var first = top > UInt64(size) ? top - UInt64(size) + 1 : 1
        var last = top
        switch direction {
        case .forwards(let after):
            guard let after, after >= first else { break }
            guard after < top else { return nil }
            first = after + 1
        case .backwards(let before):
            guard let before else { break }
            guard before > first else { return nil }
            last = min(top, before - 1)
        }
        return first <= last ? first...last : nil
    }

    /// The publications of a message that may be in the answer, ascending.
    func wanted(
        of message: StoredMessage, in offsets: ClosedRange<UInt64>, of epoch: Epoch, serverMs: Int64
    ) -> [Publication] {
        let mark = message.mark
        guard mark.kind == .publication, mark.position.epoch == epoch, message.timeMs + ttlMs > serverMs,
            offsets.overlaps(mark.firstOffset...mark.position.offset)
        else { return [] }
        return message.envelopes.map(\.publication).filter { offsets.contains($0.offset) }
    }

    /// Whether enough has been read: nothing that follows could be in the answer.
    func isEnough(_ collected: [Publication], in offsets: ClosedRange<UInt64>) -> Bool {
        guard let last = collected.last else { return false }
        if last.offset >= offsets.upperBound { return true }
        guard case .forwards = direction else { return false }
        return collected.count >= limit
    }

    /// The answer, from the channel's publications in `offsets`, ascending.
    func answer(_ collected: [Publication], top: StreamPosition) -> StreamRead {
        var publications = collected
        switch direction {
        case .forwards:
            if publications.count > limit { publications.removeLast(publications.count - limit) }
        case .backwards:
            if publications.count > limit { publications.removeFirst(publications.count - limit) }
            publications.reverse()
        }
        return StreamRead(top: top, publications: publications)
    }
}
