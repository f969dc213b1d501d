import Glibc

/// Finds out whether the durable store's directory can be used.
///
/// It looks as `serve` would use it, and makes nothing there.
enum StoreProbe {
    /// The databases that may lie in the directory.
    ///
    /// The lock on the file beside each shows that a server uses it.
    static let streams = (database: "pharos.db", lock: "pharos.lock")
    static let events = (database: "events.sqlite", lock: "events.lock")

    /// - Parameters:
    ///   - path: as configured; a relative one begins at the working directory, as it does for `serve`.
    ///   - databases: those that the configuration needs.
    static func look(_ path: String, _ databases: [(database: String, lock: String)]) -> SystemFacts.Store {
        var facts = SystemFacts.Store(path: absolute(path))
        var status = stat()
        if stat(path, &status) == 0 {
            facts.exists = true
            facts.problem = status.st_mode & S_IFMT == S_IFDIR ? use(path) : problem("use", facts.path, ENOTDIR)
        } else if errno == ENOENT {
            facts.problem = make(path)
        } else {
            facts.problem = problem("look at", facts.path, errno)
        }
        for (database, lock) in databases where facts.exists && facts.problem == nil {
            for name in [database, "\(database)-wal", "\(database)-shm", lock] where facts.problem == nil {
                let file = "\(path)/\(name)"
                // A server that once ran as root leaves files that only root may write.
                if access(file, F_OK) == 0, access(file, R_OK | W_OK) != 0 {
                    facts.problem = problem("write", "\(facts.path)/\(name)", errno)
                }
            }
            if facts.user == nil { facts.user = user(of: "\(path)/\(lock)") }
        }
        facts.free = free(in: existing(path))
        return facts
    }

    /// Writes a small file and removes it.
    ///
    /// Rights alone do not show a full disk, a quota or a read-only mount.
    private static func use(_ path: String) -> String? {
        let file = "\(path)/.doctor-\(getpid())"
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return problem("write in", absolute(path), errno) }
        defer {
            close(descriptor)
            unlink(file)
        }
        let bytes = [UInt8](repeating: 0, count: 4_096)
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            return problem("write in", absolute(path), errno)
        }
        return nil
    }

    /// Whether the directory could be made, and those above it.
    private static func make(_ path: String) -> String? {
        let base = existing(path)
        var status = stat()
        guard stat(base, &status) == 0 else { return problem("look at", base, errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return problem("make a directory in", base, ENOTDIR) }
        return access(base, W_OK | X_OK) == 0 ? nil : problem("make a directory in", absolute(base), errno)
    }

    /// The process that holds the lock; nil: there is none.
    private static func user(of lock: String) -> String? {
        let descriptor = open(lock, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        // Closing gives it back at once.
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_SH | LOCK_NB) != 0, errno == EWOULDBLOCK else { return nil }
        let digits = ((try? TextFile.beginning(of: lock)) ?? "").prefix { $0.isASCII && $0.isNumber }
        return digits.isEmpty ? "" : String(digits)
    }

    /// The path itself, or the nearest above it that exists.
    private static func existing(_ path: String) -> String {
        var rest = path[...]
        var status = stat()
        while stat(String(rest), &status) != 0 {
            while rest.count > 1, rest.hasSuffix("/") { rest.removeLast() }
            guard let slash = rest.lastIndex(of: "/") else { return "." }
            if slash == rest.startIndex { return "/" }
            rest = rest[..<slash]
        }
        return String(rest)
    }

    private static func free(in path: String) -> UInt64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
        defer { Glibc.free(directory) }
        let base = String(cString: directory)
        return path == "." ? base : "\(base == "/" ? "" : base)/\(path)"
    }

    private static func problem(_ verb: String, _ path: String, _ reason: Int32) -> String {
        "cannot \(verb) \(path): \(String(cString: strerror(reason)))"
    }
}
