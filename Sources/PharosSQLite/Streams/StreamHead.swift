import PharosDomain

/// The store's memory of one stream.
///
/// It has the newest position, the extent of the history, and when they expire.
///
/// Lives on the store's thread. It runs ahead of its row within a transaction; when that fails, it is thrown away.
final class StreamHead {
    let channel: ChannelName
    /// As it lies in the row; `epoch` is the one given out, see `StoreEpochs`.
    let storedEpoch: Epoch
    let epoch: Epoch
    /// Names the rows.
    ///
    /// Another one when the history was removed, so that the old rows can be deleted at leisure.
    var id: UInt64
    var top: UInt64 = 0
    /// The oldest readable offset; top + 1: there is none.
    var first: UInt64 = 1
    /// The oldest offset that may have a row.
    ///
    /// From here up to `first` rows wait for their deletion.
    var swept: UInt64 = 1
    /// When the newest publication expires.
    ///
    /// Never falls, whatever the clock does: publications expire in their order.
    var endsMs: Int64 = .min
    /// When epoch and top may be forgotten; `.max`: never.
    ///
    /// The written time is later by some slack, so that not every use of the stream has to be written, and a restart
    /// never forgets too early.
    var metaMs: Int64 = .max
    var storedMetaMs: Int64 = .max
    var version: UInt64 = 0
    var versionEpoch: Epoch = ""
    /// When retention should look at the stream.
    var visitMs: Int64 = .max

    /// The publication at `first` does not expire before this.
    ///
    /// A bound, so that it seldom needs to be read.
    var firstEndsMs: Int64 = .min
    /// Publications of the running transaction.
    var appended = 0
    var isTouched = false
    var needsWriting = false
    var visitIsNew = false
    var isForgotten = false

    init(id: UInt64, channel: ChannelName, storedEpoch: Epoch, _ epochs: StoreEpochs) {
        self.id = id
        self.channel = channel
        self.storedEpoch = storedEpoch
        epoch = epochs.told(storedEpoch)
    }

    var position: StreamPosition { StreamPosition(offset: top, epoch: epoch) }
    var isEmpty: Bool { first > top }
    /// Rows that cannot be read any more.
    var garbage: UInt64 { first - swept }

    /// Over the columns of its row, except `visit_ms`, which may be wrong without harm.
    func checksum(metaMs: Int64) -> Int64 {
        var sum = RowChecksum()
        sum.add(id)
        sum.add(channel)
        sum.add(storedEpoch)
        sum.add(top)
        sum.add(first)
        sum.add(swept)
        sum.add(endsMs)
        sum.add(metaMs)
        sum.add(version)
        sum.add(versionEpoch)
        return sum.value
    }
}
