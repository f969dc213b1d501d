import Glibc

/// The directory of a store.
///
/// Each database in it is held by one server at a time, through a lock on a file beside it.
///
/// The operating system lets go of the lock when the process ends, however it ends.
struct StoreDirectory: ~Copyable {
    let path: String
    let databasePath: String
    private let lock: Int32

    /// Makes the directory, and those above it, if need be.
    init(path: String, database: String = "pharos.db", lock: String = "pharos.lock") throws(StoreError) {
        self.path = path
        databasePath = "\(path)/\(database)"
        try StoreDirectory.make(path)
        let file = "\(path)/\(lock)"
        let lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard lock >= 0 else { throw StoreDirectory.refusal("open", file, errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            let owner = StoreDirectory.processNamed(in: lock)
            close(lock)
            guard reason == EWOULDBLOCK else { throw StoreDirectory.refusal("lock", file, reason) }
            throw StoreError(
                code: .inUse,
                message: "the store \(path) is in use by another server\(owner): "
                    + "stop that one, or give this one a directory of its own")
        }
        // Only a help for the reader of the message above: a disk too full for it is reported elsewhere.
        let line = "\(getpid())\n"
        if ftruncate(lock, 0) == 0 { _ = pwrite(lock, line, line.utf8.count, 0) }
        self.lock = lock
    }

    deinit {
        // A process that is being started has a copy of the descriptor until it runs its program: the lock must not live on
        // with that.
        flock(lock, LOCK_UN)
        close(lock)
    }

    /// `mkdir -p`, each new directory on the disk before something is stored in it.
    private static func make(_ path: String) throws(StoreError) {
        var status = stat()
        if stat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else { throw refusal("use", path, ENOTDIR) }
            return
        }
        let parent = parent(of: path)
        if parent != path { try make(parent) }
        guard mkdir(path, 0o750) == 0 || errno == EEXIST else { throw refusal("create", path, errno) }
        sync(parent)
    }

    /// A new name in the directory is on the disk afterwards.
    static func sync(_ path: String) {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    static func parent(of path: String) -> String {
        var rest = path[...]
        while rest.count > 1, rest.hasSuffix("/") { rest.removeLast() }
        guard let slash = rest.lastIndex(of: "/") else { return "." }
        return slash == rest.startIndex ? "/" : String(rest[..<slash])
    }

    private static func processNamed(in lock: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(lock, &bytes, bytes.count, 0)
        let digits = bytes.prefix(max(count, 0)).prefix { $0 >= 0x30 && $0 <= 0x39 }
        return digits.isEmpty ? "" : " (process \(String(decoding: digits, as: UTF8.self)))"
    }

    static func refusal(_ verb: String, _ path: String, _ reason: Int32) -> StoreError {
        let advice =
            switch reason {
            case EACCES, EPERM: "give the server's user the right to read and write there"
            case EROFS: "it is mounted read-only: remount it, or choose another directory"
            case ENOTDIR: "a part of that path is no directory: choose another one"
            case ENOSPC, EDQUOT: "the disk is full: free some space"
            case EMFILE, ENFILE: "too many files are open: raise the limit"
            default: "look at the disk, or choose another directory"
            }
        return StoreError(
            code: [EACCES, EPERM, EROFS].contains(reason) ? .notAllowed : .unusable,
            message: "cannot \(verb) \(path): \(String(cString: strerror(reason))); \(advice)")
    }
}
