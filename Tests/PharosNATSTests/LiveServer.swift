import PharosNATS

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A real nats-server of the test's own on 127.0.0.1, ended by its process id.
final class LiveServer {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let port: UInt16
    private var process = pid_t()

    /// Starts `program` on a free port.
    ///
    /// - Parameter more: further arguments.
    init(_ program: String, _ more: [String] = []) throws {
        port = try LiveServer.freePort()
        let arguments = [program, "-a", "127.0.0.1", "-p", String(port)] + more
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor: Int32 in [1, 2] {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
        }
        let code = posix_spawn(&process, program, &actions, nil, &pointers, environ)
        guard code == 0 else { throw Failure(description: "\(program): \(String(cString: strerror(code)))") }
    }

    deinit {
        kill(process, SIGTERM)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    /// A blocking connection, for which the server gets `seconds` to be there.
    func open(within seconds: Int = 10) throws -> Int32 {
        for _ in 0..<(seconds * 50) {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = LiveServer.loopback(port)
            let code = withUnsafePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if code == 0 { return descriptor }
            close(descriptor)
            usleep(20_000)
        }
        throw Failure(description: "nothing listens on port \(port)")
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        for port in UInt16(21_000)..<21_200 {
            var address = loopback(port)
            let code = withUnsafePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if code == 0 { return port }
        }
        throw Failure(description: "no free port")
    }
}
