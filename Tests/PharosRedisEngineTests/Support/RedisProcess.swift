#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A redis-server on 127.0.0.1 that a test starts, stops, kills and starts again.
final class RedisProcess: @unchecked Sendable {
    /// The program to start: the environment variable PHAROS_REDIS_SERVER.
    static var path: String? { getenv("PHAROS_REDIS_SERVER").map { String(cString: $0) } }

    struct StartFailure: Error {}

    let port: UInt16
    let directory: String
    private let arguments: [String]
    private let isSentinel: Bool
    private var process: pid_t = 0

    /// Starts a server; what it needs is in a directory of its own.
    init(_ arguments: [String] = [], port: UInt16? = nil, sentinel configuration: String? = nil) throws {
        self.port = port ?? RedisProcess.freePort()
        self.arguments = arguments
        isSentinel = configuration != nil
        var template = Array("/tmp/pharos-redis-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw StartFailure() }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if let configuration {
            guard let file = fopen("\(directory)/sentinel.conf", "w") else { throw StartFailure() }
            fputs(configuration, file)
            fclose(file)
        }
        try start()
    }

    func start() throws {
        guard process == 0, let path = RedisProcess.path else { throw StartFailure() }
        var all = [path]
        if isSentinel { all += ["\(directory)/sentinel.conf", "--sentinel"] }
        all += ["--bind", "127.0.0.1", "--port", "\(port)", "--dir", directory, "--logfile", "\(directory)/log"]
        if !isSentinel { all += ["--save", ""] }
        all += arguments
        var pointers = all.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        // Else a reader of the tests' output would wait for a server that was left behind.
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in Int32(0)...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        guard posix_spawn(&process, path, &actions, nil, &pointers, environ) == 0 else { throw StartFailure() }
        for _ in 0..<500 {
            if let admin = try? RedisAdmin(port: port), let reply = try? admin("PING"), reply.contains("PONG") {
                return
            }
            usleep(20_000)
        }
        throw StartFailure()
    }

    /// Ends the server at once, as a crash does.
    func kill() {
        guard process > 0 else { return }
        Glibc.kill(process, SIGKILL)
        waitpid(process, nil, 0)
        process = 0
    }

    /// Stops the server without ending its connections.
    func freeze() { Glibc.kill(process, SIGSTOP) }
    func thaw() { Glibc.kill(process, SIGCONT) }

    deinit {
        kill()
        RedisProcess.removeAll(directory)
    }

    private static func removeAll(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { removeAll("\(path)/\(name)") }
            }
            closedir(directory)
        }
        remove(path)
    }

    /// A port that nothing listens on, with room for a cluster's second one.
    static func freePort() -> UInt16 {
        while true {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            let port = UInt16.random(in: 22_000...31_000)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
            }
            if result == 0 { return port }
        }
    }
}
