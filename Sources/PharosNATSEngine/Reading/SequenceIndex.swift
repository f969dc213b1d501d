import PharosDomain

/// Where some of a channel's publications are in their stream.
///
/// A read after an offset begins there, and not at the channel's oldest message. It is filled by what passes anyway.
struct SequenceIndex: Sendable {
    private struct Entry {
        var offset: UInt64
        var sequence: UInt64
    }

    private static let limit = 128

    private var epoch: Epoch
    private var entries: [Entry] = []
    /// Offsets between two entries, at least.
    private var stride: UInt64 = 8

    init(epoch: Epoch) { self.epoch = epoch }

    /// A publication is known to be there.
    ///
    /// One that is not newer than all others is of no use.
    mutating func note(_ position: StreamPosition, at sequence: UInt64) {
        if position.epoch != epoch {
            guard entries.last.map({ $0.sequence < sequence }) ?? true else { return }
            self = SequenceIndex(epoch: position.epoch)
        }
        if let last = entries.last {
            guard position.offset >= last.offset + stride, sequence > last.sequence else { return }
        }
        entries.append(Entry(offset: position.offset, sequence: sequence))
        guard entries.count > SequenceIndex.limit else { return }
        entries = entries.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        stride *= 2
    }

    /// The sequence from which on the publications from `offset` on are found.
    ///
    /// 1 if nothing is known.
    func start(of offset: UInt64, epoch: Epoch) -> UInt64 {
        guard epoch == self.epoch else { return 1 }
        return entries.last { $0.offset <= offset }?.sequence ?? 1
    }
}
