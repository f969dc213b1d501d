import Glibc

/// Keeps the newest `AnsweredRecord` in a small file beside the database.
///
/// A record is written after its commit is on the disk and before anybody is answered for it, and not synced itself: it
/// survives the end of the process, and after a power cut it is at worst older than the log, which never makes a log look
/// too short. Two places are written by turns, so that a record cut short leaves the one before it.
final class AnsweredFile {
    /// The newest one; nil: there is none, or its bytes were changed.
    private(set) var record: AnsweredRecord?
    let path: String
    private let file: Int32
    private var sequence: UInt64 = 0

    private static let distance = 4_096

    init(path: String) throws(StoreError) {
        self.path = path
        let isNew = access(path, F_OK) != 0
        file = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard file >= 0 else { throw StoreDirectory.refusal("open", path, errno) }
        if isNew { StoreDirectory.sync(StoreDirectory.parent(of: path)) }
        for place in 0..<2 {
            var bytes = [UInt8](repeating: 0, count: AnsweredRecord.byteCount)
            guard pread(file, &bytes, bytes.count, off_t(place * AnsweredFile.distance)) == bytes.count,
                let (record, sequence) = AnsweredRecord.decoded(bytes[...]), sequence >= self.sequence
            else { continue }
            (self.record, self.sequence) = (record, sequence)
        }
    }

    deinit { close(file) }

    /// - Returns: 0, or the reason why it could not be written, as in `errno`.
    @discardableResult
    func write(_ record: AnsweredRecord, synced: Bool = false) -> Int32 {
        self.record = record
        sequence += 1
        let bytes = record.encoded(sequence)
        let place = off_t(Int(sequence % 2) * AnsweredFile.distance)
        guard pwrite(file, bytes, bytes.count, place) == bytes.count else { return errno == 0 ? ENOSPC : errno }
        guard !synced || fdatasync(file) == 0 else { return errno }
        return 0
    }
}
