import Glibc
package import Logging
package import PharosConfiguration
import PharosOrigin
import PharosSQLite
import PharosServices

/// The process' log: one line per event on standard error, as text or JSON. No payload and no token is ever logged.
package enum ServerLog {
    package static func make(_ settings: LogSettings) -> Logger {
        var logger = Logger(label: "pharos") { label -> any LogHandler in
            if settings.format == .json { return JSONLogHandler() }
            return StreamLogHandler.standardError(label: label)
        }
        logger.logLevel = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        return logger
    }
}

extension ServerLog {
    /// A shard's event as a line of the log. Called on the shards' threads.
    static func write(_ event: ServiceEvent, to logger: Logger) {
        switch event {
        case .tokenRefused(let reason): logger.debug("token refused", metadata: ["reason": "\(reason)"])
        case .disconnected(let code, let reason):
            logger.debug("client disconnected", metadata: ["code": "\(code)", "reason": "\(reason)"])
        case .positionLost(let channel):
            logger.warning("publications are missing, subscribers recover", metadata: ["channel": "\(channel)"])
        case .publicationsDropped: break
        }
    }

    /// What the durable store has to tell. Called on its thread.
    static func write(_ event: StoreEvent, to logger: Logger) {
        switch event {
        case .migrated(let from, let to):
            logger.notice("the store was brought to this version's form", metadata: ["from": "\(from)", "to": "\(to)"])
        case .failing(let problem): logger.error("the store fails", metadata: ["problem": "\(problem)"])
        case .damaged(let channel):
            logger.error("a stored stream cannot be read", metadata: ["channel": "\(channel)"])
        case .lost(let problem):
            logger.critical(
                "what was committed before this start is missing: epochs change, so that clients that return are told",
                metadata: ["problem": "\(problem)"])
        case .needlessLogRemoved:
            logger.warning("the store's log was damaged, but all of it is in the database: nothing is lost")
        case .recovered: logger.notice("the store works again")
        case .tidyingFailed(let problem):
            logger.warning("expired publications could not be deleted yet", metadata: ["problem": "\(problem)"])
        }
    }
}

extension ServerLog {
    /// How asking the application goes. Called on its event loop.
    static func write(_ report: OriginReport, to logger: Logger) {
        switch report {
        case .failing, .breakerOpened, .permissionRefused, .notSecured: logger.warning("\(report)")
        case .recovered, .breakerClosed: logger.notice("\(report)")
        }
    }

    /// What becomes of the events that the application is told. Called on any thread.
    static func write(_ report: EventServiceReport, to logger: Logger) {
        switch report {
        case .store(let event): write(event, to: logger)
        case .died(let count):
            logger.warning(
                "the server had not ended properly: its connections are told", metadata: ["count": "\(count)"])
        case .telling(.originFails(let origin)):
            logger.warning("events are not acknowledged and wait", metadata: ["origin": "\(origin)"])
        case .telling(.originAnswers(let origin)):
            logger.notice("events are acknowledged again", metadata: ["origin": "\(origin)"])
        case .telling(.buried(let origin, let count)):
            logger.error("events were given up", metadata: ["origin": "\(origin)", "count": "\(count)"])
        case .telling(.deadLettersFail(let problem)):
            logger.error("the dead-letter log cannot be written", metadata: ["problem": "\(problem)"])
        }
    }
}

/// One JSON object per line.
struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = "{\"time\":\(JSONLogHandler.now()),\"level\":\"\(event.level.rawValue)\",\"message\":"
        line += JSONLogHandler.quoted(event.message.description)
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            line += ",\(JSONLogHandler.quoted(key)):\(JSONLogHandler.quoted("\(value)"))"
        }
        line += "}\n"
        var text = line
        text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let milliseconds = String(time.tv_nsec / 1_000_000)
        return "\(time.tv_sec).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\u{0}"..."\u{1f}":
                let code = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - code.count) + code
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
