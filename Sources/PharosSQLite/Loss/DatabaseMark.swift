/// A number in the database that grows with each generation of its log.
///
/// By it an older copy of the file is recognised.
struct DatabaseMark: Equatable {
    /// Differs from database to database.
    var store: UInt64 = 0
    var number: UInt64 = 0

    private static let magic = Array("PharosMark".utf8)

    var next: DatabaseMark { DatabaseMark(store: store, number: number + 1) }

    static func fresh() -> DatabaseMark { DatabaseMark(store: .random(in: 1 ... .max), number: 1) }

    /// The mark as it lies in its row.
    ///
    /// In the bytes of a page it is found by its beginning.
    var bytes: [UInt8] {
        DatabaseMark.magic
            + [store, number].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
    }

    /// The one that lies in these bytes.
    init?(in bytes: UnsafeRawBufferPointer) {
        let magic = DatabaseMark.magic
        guard bytes.count >= magic.count + 16 else { return nil }
        for start in 0...bytes.count - magic.count - 16
        where bytes[start] == magic[0] && bytes[start..<start + magic.count].elementsEqual(magic) {
            let words = bytes[(start + magic.count)...]
            store = words.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            number = words.dropFirst(8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            return
        }
        return nil
    }

    init(store: UInt64 = 0, number: UInt64 = 0) {
        self.store = store
        self.number = number
    }
}
