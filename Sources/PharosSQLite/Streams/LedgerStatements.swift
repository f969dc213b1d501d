import GRDB

/// Every statement of the ledger, prepared once.
struct LedgerStatements {
    let findStream: PreparedStatement
    let newestID: PreparedStatement
    let usesID: PreparedStatement
    let insertStream: PreparedStatement
    let updateStream: PreparedStatement
    let updateVisit: PreparedStatement
    let moveStream: PreparedStatement
    let deleteStream: PreparedStatement
    let insertPublication: PreparedStatement
    let readPublications: PreparedStatement
    let deletePublications: PreparedStatement
    let deleteSomePublications: PreparedStatement
    let findRepeat: PreparedStatement
    let insertRepeat: PreparedStatement
    let deleteRepeats: PreparedStatement
    let insertLeftover: PreparedStatement
    let findLeftover: PreparedStatement
    let deleteLeftover: PreparedStatement
    let findVisit: PreparedStatement
    let nextDue: PreparedStatement
    let insertProbe: PreparedStatement
    let deleteProbe: PreparedStatement

    init(_ database: Database) throws {
        func make(_ sql: String) throws -> PreparedStatement { try PreparedStatement(database, sql) }
        findStream = try make(
            """
            SELECT id, epoch, top, first, swept, ends_ms, meta_ms, version, version_epoch, checksum, visit_ms
            FROM streams WHERE channel = ?
            """)
        newestID = try make(
            """
            SELECT max(ifnull((SELECT max(id) FROM streams), 0), ifnull((SELECT max(id) FROM leftovers), 0))
            """)
        usesID = try make("SELECT 1 FROM streams WHERE id = ?1 UNION ALL SELECT 1 FROM leftovers WHERE id = ?1")
        insertStream = try make(
            """
            INSERT INTO streams
            (id, channel, epoch, top, first, swept, ends_ms, meta_ms, version, version_epoch, checksum, visit_ms)
            VALUES (?1, ?10, ?11, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?12)
            """)
        updateStream = try make(
            """
            UPDATE streams SET top = ?2, first = ?3, swept = ?4, ends_ms = ?5, meta_ms = ?6, version = ?7,
            version_epoch = ?8, checksum = ?9 WHERE id = ?1
            """)
        updateVisit = try make("UPDATE streams SET visit_ms = ?2 WHERE id = ?1")
        moveStream = try make("UPDATE streams SET id = ?2 WHERE id = ?1")
        deleteStream = try make("DELETE FROM streams WHERE id = ?")
        insertPublication = try make(
            """
            INSERT INTO publications (row, ends_ms, time_ms, is_json, data, extra, checksum)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """)
        readPublications = try make(
            """
            SELECT row, ends_ms, time_ms, is_json, data, extra, checksum FROM publications
            WHERE row BETWEEN ? AND ? ORDER BY row
            """)
        deletePublications = try make("DELETE FROM publications WHERE row BETWEEN ? AND ?")
        deleteSomePublications = try make(
            """
            DELETE FROM publications WHERE row IN
            (SELECT row FROM publications WHERE row BETWEEN ? AND ? ORDER BY row LIMIT ?)
            """)
        findRepeat = try make("SELECT offset, epoch FROM repeats WHERE channel = ? AND key = ? AND ends_ms > ?")
        insertRepeat = try make(
            "INSERT OR REPLACE INTO repeats (channel, key, offset, epoch, ends_ms) VALUES (?, ?, ?, ?, ?)")
        deleteRepeats = try make(
            """
            DELETE FROM repeats WHERE (channel, key) IN
            (SELECT channel, key FROM repeats WHERE ends_ms <= ? ORDER BY ends_ms LIMIT ?)
            """)
        insertLeftover = try make("INSERT INTO leftovers (id) VALUES (?)")
        findLeftover = try make("SELECT id FROM leftovers ORDER BY id LIMIT 1")
        deleteLeftover = try make("DELETE FROM leftovers WHERE id = ?")
        findVisit = try make("SELECT id, channel FROM streams WHERE visit_ms <= ? ORDER BY visit_ms LIMIT 1")
        nextDue = try make(
            """
            SELECT min(ifnull((SELECT min(visit_ms) FROM streams), 9223372036854775807),
            ifnull((SELECT min(ends_ms) FROM repeats), 9223372036854775807))
            """)
        insertProbe = try make("INSERT INTO probes (id, bytes) VALUES (1, zeroblob(?))")
        deleteProbe = try make("DELETE FROM probes WHERE id = 1")
    }
}
