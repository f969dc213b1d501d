import CPharosSys
import Glibc
package import Logging
import PharosAuth
package import PharosConfiguration
import PharosDomain
import PharosOrigin
import PharosProtocol
import PharosSQLite
import PharosServices

/// The process' log: one line per event on standard error, as text or JSON.
///
/// No payload and no token is ever logged.
package enum ServerLog {
    package static func make(_ settings: LogSettings) -> Logger {
        var logger = Logger(label: "pharos") { _ in LineLogHandler(format: settings.format) }
        logger.logLevel = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        return logger
    }

    /// Writes lines on standard output, whatever the log's level is.
    ///
    /// They are written as they are, or as JSON where the log is JSON.
    package static func announce(_ lines: [String], _ settings: LogSettings) {
        let text =
            switch settings.format {
            case .text: lines.map { "\(LogLine.escaped($0))\n" }
            case .json:
                lines.map { line in
                    LogLine.json(
                        timeMs: pharos_wall_ms(), level: "info", message: String(line.drop { $0 == " " || $0 == "-" }),
                        fields: [])
                }
            }
        write(text.joined(), to: STDOUT_FILENO)
    }

    static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            // A pipe may take less than all at once; one that takes nothing more is given up.
            while !rest.isEmpty {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}

extension ServerLog {
    /// A shard's event as a line of the log. Called on the shards' threads.
    static func write(_ event: ServiceEvent, to logger: Logger) {
        switch event {
        case .refusal(let line): write(line, to: logger)
        case .disconnected(let code, let reason):
            logger.debug("client disconnected", metadata: ["code": "\(code)", "reason": "\(reason)"])
        case .positionLost(let channel):
            logger.warning("publications are missing, subscribers recover", metadata: ["channel": "\(channel)"])
        case .publicationsDropped: break
        }
    }

    /// Called on any thread.
    ///
    /// What strangers have sent is escaped here: the logger may be the program's own.
    static func write(_ line: RefusalLedger.Line, to logger: Logger) {
        switch line {
        case .refused(let refusal, let suppressed):
            var metadata: Logger.Metadata = [:]
            for field in refusal.fields {
                metadata[field.name] = "\(LogLine.escaped(field.value, limit: foreignLimit))"
            }
            if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
            logger.log(level: level(refusal.kind), "\(refusal.kind.row.message)", metadata: metadata)
        case .suppressed(let kind, let count):
            logger.log(
                level: level(kind), "\(kind.row.message)",
                metadata: ["suppressed": "\(count)", "since": "the last line"])
        }
    }

    /// How fetching keys goes.
    ///
    /// Called on any thread; failures are counted, and written with others of their kind.
    static func write(_ report: KeySetReport, to logger: Logger) {
        switch report {
        case .failed: break
        case .recovered(let endpoint): logger.notice("key set fetched again", metadata: ["endpoint": "\(endpoint)"])
        }
    }

    /// Scalars of one value that a stranger has chosen.
    private static let foreignLimit = 256

    private static func level(_ kind: RefusalKind) -> Logger.Level {
        switch kind.row.level {
        case .notice: .notice
        case .warning: .warning
        }
    }

    /// Logs an event of the durable store. Called on its thread.
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
        // Counted, and written with others of its kind.
        case .failed: break
        case .breakerOpened, .permissionRefused, .notSecured: logger.warning("\(report)")
        case .recovered, .breakerClosed: logger.notice("\(report)")
        }
    }

    /// Logs a report about events for the application. Called on any thread.
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

/// Writes each event as one line on standard error.
struct LineLogHandler: LogHandler {
    let format: LogSettings.Format
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(format: LogSettings.Format) { self.format = format }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let fields = all.sorted { $0.key < $1.key }.map { (name: $0.key, value: "\($0.value)") }
        let (level, message) = (event.level.rawValue, event.message.description)
        let line =
            switch format {
            case .text: LogLine.text(timeMs: pharos_wall_ms(), level: level, message: message, fields: fields)
            case .json: LogLine.json(timeMs: pharos_wall_ms(), level: level, message: message, fields: fields)
            }
        ServerLog.write(line, to: STDERR_FILENO)
    }
}
