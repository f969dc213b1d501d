import PharosDomain
import PharosLinks

@testable import PharosNATSEngine

#if canImport(Glibc)
    import Glibc
#endif

/// A real nats-server of the test's own on 127.0.0.1, ended by its process id.
final class NATSServer: @unchecked Sendable {
    struct Failure: Error, CustomStringConvertible { var description: String }

    let port: UInt16
    private let program: String
    private let folder: String
    private let more: [String]
    private let hasJetStream: Bool
    private var process = pid_t()

    /// Where the program is; nil: tests that need it are skipped.
    static var program: String? { getenv("PHAROS_NATS_SERVER").map { String(cString: $0) } }

    /// - Parameter more: further arguments.
    init(_ more: [String] = [], hasJetStream: Bool = true) throws {
        guard let program = NATSServer.program else { throw Failure(description: "PHAROS_NATS_SERVER is not set") }
        self.program = program
        self.more = more
        self.hasJetStream = hasJetStream
        var template = Array("/tmp/pharos-nats-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "no folder") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        port = try NATSServer.freePort()
        try start()
    }

    deinit {
        send(SIGCONT)
        end(SIGKILL)
        if process == 0 { NATSServer.removeFolder(folder) }
    }

    /// Starts it, with the files of the last time, and waits until it listens.
    func start() throws {
        let arguments =
            [program, "-a", "127.0.0.1", "-p", String(port)] + (hasJetStream ? ["-js", "-sd", folder] : []) + more
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
        for _ in 0..<500 {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            if NATSServer.withLoopback(port, { connect(descriptor, $0, $1) }) == 0 { return }
            usleep(20_000)
        }
        throw Failure(description: "nothing listens on port \(port)")
    }

    func send(_ signal: Int32) { if process > 0 { kill(process, signal) } }

    /// Ends it by a signal and waits until it has ended.
    func end(_ signal: Int32) {
        guard process > 0 else { return }
        kill(process, signal)
        var status: Int32 = 0
        waitpid(process, &status, 0)
        process = 0
    }

    /// The settings of an engine for this server.
    func settings(prefix: String = "ph") -> NATSEngineSettings {
        var link = LinkSettings(addresses: [LinkAddress(host: "127.0.0.1", port: port)])
        link.backoff.mostMs = 200
        var settings = NATSEngineSettings(link: link)
        settings.prefix = prefix
        settings.streams = 2
        // Channels without a time of their own are remembered without an end.
        settings.channels.historyMetaTTL = 0
        settings.requestTimeoutMs = 10_000
        return settings
    }

    private static func withLoopback(
        _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    static func freePort() throws -> UInt16 {
        for _ in 0..<200 {
            let port = UInt16.random(in: 22_000..<30_000)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            if withLoopback(port, { bind(descriptor, $0, $1) }) == 0 { return port }
        }
        throw Failure(description: "no free port")
    }

    private static func removeFolder(_ folder: String) {
        guard let list = opendir(folder) else { return }
        while let entry = readdir(list) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name != ".", name != ".." else { continue }
            let path = folder + "/" + name
            if unlink(path) != 0 { removeFolder(path) }
        }
        closedir(list)
        rmdir(folder)
    }
}
