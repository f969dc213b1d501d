/// The confirmed state of a store, which a later start must find again.
///
/// SQLite takes a write-ahead log up to the first frame whose checksum is wrong, and says nothing of what follows. So which
/// commit was the last must be known from elsewhere.
struct AnsweredRecord: Equatable {
    enum State: UInt32 {
        /// A database is being made or adopted: there is nothing to compare with yet.
        case adopting
        /// The log up to `end` is needed.
        ///
        /// The database file is as the last checkpoint left it.
        case logged
        /// As `logged`, but some of it may have been moved into the database file.
        case moving
        /// All of the log up to `end` is in the database file, and on the disk.
        case moved
    }

    var state: State
    /// The log's last commit that somebody was answered for.
    var end = LogEnd()
    /// The mark in the database file, and its page.
    var mark = DatabaseMark()
    var markPage: UInt32 = 0

    // MARK: Bytes

    static let byteCount = 80
    private static let magic: UInt64 = 0x5068_7273_416e_7331

    /// - Parameter sequence: counts the records that were written.
    func encoded(_ sequence: UInt64) -> [UInt8] {
        var words: [UInt64] = [
            AnsweredRecord.magic, sequence, UInt64(state.rawValue) << 32 | UInt64(end.frames),
            UInt64(end.salt1) << 32 | UInt64(end.salt2), UInt64(end.checksum1) << 32 | UInt64(end.checksum2),
            mark.store, mark.number, UInt64(markPage), 0,
        ]
        words.append(AnsweredRecord.checksum(words))
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
    }

    /// nil: these are no bytes of a record, or they were changed.
    static func decoded(_ bytes: ArraySlice<UInt8>) -> (record: AnsweredRecord, sequence: UInt64)? {
        guard bytes.count == byteCount else { return nil }
        let words = (0..<byteCount / 8).map { index in
            bytes.dropFirst(8 * index).prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        }
        guard words[0] == magic, words[9] == checksum(Array(words[..<9])),
            let state = State(rawValue: UInt32(words[2] >> 32))
        else { return nil }
        var record = AnsweredRecord(state: state)
        record.end = LogEnd(
            frames: UInt32(truncatingIfNeeded: words[2]), salt1: UInt32(words[3] >> 32),
            salt2: UInt32(truncatingIfNeeded: words[3]), checksum1: UInt32(words[4] >> 32),
            checksum2: UInt32(truncatingIfNeeded: words[4]))
        record.mark = DatabaseMark(store: words[5], number: words[6])
        record.markPage = UInt32(truncatingIfNeeded: words[7])
        return (record, words[1])
    }

    private static func checksum(_ words: [UInt64]) -> UInt64 {
        var sum = RowChecksum()
        for word in words { sum.add(word) }
        return UInt64(bitPattern: sum.value)
    }
}
