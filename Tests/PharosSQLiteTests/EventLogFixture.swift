import Foundation
import PharosDomain
import PharosSQLite
import PharosTestKit
import Synchronization

/// A directory of its own for one test, removed afterwards.
///
/// It has the event logs that are opened in it.
final class EventLogFixture: Sendable {
    let path: String
    private let reported = Mutex<[StoreEvent]>([])

    init() {
        path = FileManager.default.temporaryDirectory.appending(path: "pharos-events-\(UUID().uuidString)").path()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var reports: [StoreEvent] { reported.withLock { $0 } }
    var database: String { "\(path)/events.sqlite" }

    func open(
        _ settings: HookSettings = EventQueueConformance.settings,
        isOneOfSeveral: Bool = false, uncommittedLimit: Int = SQLiteEventLog.uncommittedLimit
    ) throws(StoreError) -> SQLiteEventLog {
        try SQLiteEventLog(
            directory: path, rules: EventRules(settings, isOneOfSeveral: isOneOfSeveral), wallMs: { 777 },
            uncommittedLimit: uncommittedLimit
        ) { [weak self] event in
            self?.reported.withLock { $0.append(event) }
        }
    }

    /// A directory with the disk's state of `log` at this moment.
    ///
    /// It is as a crash would leave it.
    func afterCrash(of log: SQLiteEventLog) async throws -> EventLogFixture {
        // Whatever was recorded before is committed when this is answered.
        _ = try await log.snapshot(cursor: "", limit: 1)
        let copy = EventLogFixture()
        try FileManager.default.createDirectory(atPath: copy.path, withIntermediateDirectories: true)
        for file in ["events.sqlite", "events.sqlite-wal", "events.sqlite-answered"] {
            try FileManager.default.copyItem(atPath: "\(path)/\(file)", toPath: "\(copy.path)/\(file)")
        }
        return copy
    }
}

extension SQLiteEventLog {
    /// All events that are to be sent to `origin`.
    func all(for origin: OriginName = "app") async -> [NumberedEvent] {
        await next(for: origin, after: 0, limits: EventBatchLimits(count: 1_000_000, bytes: .max))
    }
}
