import Glibc
import PharosBytes
package import PharosDomain
import PharosProtocol

/// Dead letters as lines of JSON in a file.
///
/// They are on the disk before they are forgotten elsewhere. A file that would exceed its limit becomes
/// `dead-letters.1.jsonl`, and replaces the one that had this name; so at most twice the limit is kept.
package final class DeadLetterFile: DeadLetterLog {
    package let path: String
    private let olderPath: String
    private let node: String
    private let limit: Int
    private let problem: @Sendable (String) -> Void
    /// Held while a file is written: several origins may have dead letters at once.
    private let turn = Locked(())

    /// - Parameters:
    ///   - limit: bytes of one file.
    ///   - problem: called each time when writing fails.
    package init(
        directory: String, node: String, limit: Int = 67_108_864, problem: @escaping @Sendable (String) -> Void
    ) {
        path = "\(directory)/dead-letters.jsonl"
        olderPath = "\(directory)/dead-letters.1.jsonl"
        self.node = node
        self.limit = limit
        self.problem = problem
    }

    package func append(_ events: [NumberedEvent], for origin: OriginName, nowMs: Int64) -> Bool {
        var lines = ByteWriter(capacity: 4_096)
        for event in events {
            DeadLetterLine.encode(event, origin: origin, node: node, movedAtMs: nowMs, into: &lines)
        }
        let failure = lines.withBytes { bytes in turn.withLock { _ in write(bytes) } }
        if let failure { problem("cannot write \(path): \(String(cString: strerror(failure)))") }
        return failure == nil
    }

    /// Returns nil, or why it failed.
    ///
    /// Then the file is as long as before, as far as that is possible.
    private func write(_ bytes: UnsafeRawBufferPointer) -> Int32? {
        var status = stat()
        if stat(path, &status) == 0, Int(status.st_size) + bytes.count > limit, status.st_size > 0 {
            guard rename(path, olderPath) == 0 else { return errno }
        }
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard file >= 0 else { return errno }
        defer { close(file) }
        let start = lseek(file, 0, SEEK_END)
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(file, bytes.baseAddress! + written, bytes.count - written)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let reason = errno
                ftruncate(file, start)
                return reason
            }
            written += count
        }
        return fsync(file) == 0 ? nil : errno
    }
}
