import Glibc
package import PharosDomain
package import PharosSQLite
package import PharosServices

/// The events for the application: the log and the senders.
///
/// The shards record in the log, and a sender for each origin brings its events there.
///
/// With a directory everything survives a crash, and events that are never acknowledged end in `dead-letters.jsonl`
/// there; without one it lives in memory, and dead letters are counted.
package final class EventService: Sendable {
    private let queue: any EventQueue
    private let dispatcher: EventDispatcher

    /// Opens the log; with it comes what a server that died had left to tell.
    ///
    /// Nothing is sent before `start`.
    ///
    /// - Parameters:
    ///   - directory: of the store; nil: none.
    ///   - isOneOfSeveral: whether this process is one node of a cluster.
    ///   - report: gets the reports for an operator, on any thread.
    /// - Throws: a log that cannot be opened says why.
    package init(
        settings: HookSettings, directory: String?, sender: any EventSender, nodeName: String,
        isOneOfSeveral: Bool,
        report: @escaping @Sendable (EventServiceReport) -> Void
    ) throws(StoreError) {
        let rules = EventRules(settings, isOneOfSeveral: isOneOfSeveral)
        let deadLetters: any DeadLetterLog
        if let directory {
            // A limit on the size of files is an error of the write that meets it, not the end of the process.
            signal(SIGXFSZ, SIG_IGN)
            let log = try SQLiteEventLog(directory: directory, rules: rules) { report(.store($0)) }
            if log.deadConnections > 0 { report(.died(log.deadConnections)) }
            queue = log
            deadLetters = DeadLetterFile(directory: directory, node: nodeName) {
                report(.telling(.deadLettersFail($0)))
            }
        } else {
            queue = MemoryEventLog(rules: rules)
            deadLetters = DeadLettersCounted()
        }
        dispatcher = EventDispatcher(
            queue: queue, sender: sender, deadLetters: deadLetters, settings: settings
        ) { report(.telling($0)) }
    }

    /// For the shards.
    package var log: any EventLog { queue }

    package var health: StoreHealth { queue.health }

    package func start() { dispatcher.start() }

    /// Tells what is left for at most `milliseconds`, then closes the log.
    ///
    /// After the shards: they record to the end.
    package func stop(within milliseconds: Int64 = 5_000) async {
        await dispatcher.stop(within: milliseconds)
        // Waits for the disk.
        let queue = queue
        await Task.detached { queue.close() }.value
    }

    /// - Throws: `ReplyError`.
    package func snapshot(cursor: String, limit: Int) async throws -> PresenceSnapshot {
        try await queue.snapshot(cursor: cursor, limit: limit)
    }

    package func counters() -> EventServiceCounters {
        EventServiceCounters(log: queue.totals, telling: dispatcher.counters)
    }
}

/// A report about events that an operator should know of.
package enum EventServiceReport: Equatable, Sendable {
    case store(StoreEvent)
    /// So many connections had not ended when the server did the last time.
    case died(Int)
    case telling(DispatchEvent)
}

package struct EventServiceCounters: Equatable, Sendable {
    package var log: EventTotals
    package var telling: DispatchCounters

    package init(log: EventTotals, telling: DispatchCounters) {
        self.log = log
        self.telling = telling
    }
}
