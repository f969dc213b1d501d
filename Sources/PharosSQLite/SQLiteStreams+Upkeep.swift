/// How many rows a store has.
///
/// Counting reads all of their keys, so this is for tests and for support.
package struct StoreStatistics: Equatable, Sendable {
    package var streams: Int
    package var publications: Int
    package var idempotencyKeys: Int
    /// Streams in memory.
    package var heads: Int

    package init(streams: Int, publications: Int, idempotencyKeys: Int, heads: Int) {
        self.streams = streams
        self.publications = publications
        self.idempotencyKeys = idempotencyKeys
        self.heads = heads
    }
}

/// Work on a running store from outside.
///
/// Each call returns at once; `completion` is called on the store's thread, and not at all once the store is closed.
extension SQLiteStreams {
    /// Deletes now all that has expired, instead of little by little.
    package func tidy(completion: @escaping @Sendable () -> Void) {
        _ = queue.add { writer in
            writer.tidyCompletely()
            completion()
        }
    }

    /// Limits the file to this many pages of 4 KiB from now on.
    ///
    /// Writes beyond it fail as on a full disk.
    package func limitFile(toPages pages: Int, completion: @escaping @Sendable () -> Void) {
        _ = queue.add { writer in
            writer.database.limitFile(toPages: pages)
            completion()
        }
    }

    /// Moves the write-ahead log into the database.
    ///
    /// This is done by itself when the log has grown.
    package func moveLog(completion: @escaping @Sendable () -> Void) {
        _ = queue.add { writer in
            writer.database.moveLog()
            completion()
        }
    }

    package func statistics(completion: @escaping @Sendable (StoreStatistics) -> Void) {
        _ = queue.add { writer in
            completion(
                StoreStatistics(
                    streams: writer.database.count("streams"), publications: writer.database.count("publications"),
                    idempotencyKeys: writer.database.count("repeats"), heads: writer.ledger.cache.count))
        }
    }
}
