#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A redis-server on 127.0.0.1 that a test starts and ends.
final class LiveServer {
    /// The program to start: the environment variable PHAROS_REDIS_SERVER.
    static var path: String? { getenv("PHAROS_REDIS_SERVER").map { String(cString: $0) } }

    struct StartFailure: Error {}

    let port: UInt16
    private let process: pid_t

    init(port: UInt16) throws {
        guard let path = LiveServer.path else { throw StartFailure() }
        self.port = port
        let options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--enable-debug-command", "yes"]
        let arguments = [path, "--port", "\(port)", "--logfile", "/dev/null"] + options
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        var process = pid_t()
        guard posix_spawn(&process, path, nil, nil, &pointers, environ) == 0 else { throw StartFailure() }
        self.process = process
        for _ in 0..<200 {
            if let connection = try? LiveConnection(port: port) {
                connection.end()
                return
            }
            usleep(20_000)
        }
        throw StartFailure()
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }
}

/// A blocking socket to a port of 127.0.0.1.
struct LiveConnection {
    struct Failure: Error {
        let code = errno
    }

    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        guard result == 0 else {
            end()
            throw Failure()
        }
    }

    func end() { close(descriptor) }

    /// Sends some of the bytes without waiting; returns how many.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        max(send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)), 0)
    }

    /// Waits for bytes and reads some; nil at the end of the connection.
    ///
    /// Returns 0 if none have come in time.
    func read(waitMs: Int32, _ buffer: inout [UInt8]) -> Int? {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, waitMs) > 0 else { return 0 }
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? count : nil
    }
}
