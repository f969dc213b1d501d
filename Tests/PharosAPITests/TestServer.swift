import Foundation
import Glibc
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import PharosAPI
import PharosDomain
import PharosServices
import PharosTransports

/// HTTP as the server composes it, with a listening socket in place of the edge.
struct TestServer {
    let backend: FakeBackend
    let registry: PrometheusRegistry
    let http: HTTPService
    let handOver: HandOver
    private let listener: LoopbackListener

    init(
        backend: FakeBackend = FakeBackend(), connectionLimit: Int = 100,
        limits: HTTPService.Limits = HTTPService.Limits(),
        configure: (inout APIRoutes.Configuration) -> Void = { $0.demoPage = true }
    ) throws {
        var configuration = APIRoutes.Configuration()
        // The shards' part of checking keys is left out here, so the routes' own part is as well.
        var open = APISettings()
        open.insecure = true
        configuration.access = APIAccess(open)
        configure(&configuration)
        self.backend = backend
        self.registry = PrometheusRegistry()
        let routes = APIRoutes(configuration: configuration, backend: backend, registry: registry)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let http = HTTPService(responder: routes.router().buildResponder(), limits: limits, logger: logger)
        self.http = http
        self.handOver = HandOver(
            group: MultiThreadedEventLoopGroup.singleton, connectionLimit: connectionLimit, logger: logger,
            serve: { http.serve($0) })
        self.listener = try LoopbackListener()
    }

    /// A connection that was handed over after `bytes` had been read from it.
    func client(alreadyRead bytes: some Sequence<UInt8> = []) async throws -> RawClient {
        let client = try await RawClient.connect(port: listener.port)
        handOver.adopt(descriptor: listener.accept(), bytes: Array(bytes))
        return client
    }
}

/// A plain listening socket on 127.0.0.1.
final class LoopbackListener {
    let port: Int
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var bound = 0
        for _ in 0..<100 where bound == 0 {
            let candidate = FreePort.candidate()
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(candidate).bigEndian)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if result == 0 { bound = candidate }
        }
        self.descriptor = descriptor
        port = bound
        guard listen(descriptor, 64) == 0 else { throw POSIXError(.EADDRINUSE) }
    }

    deinit { Glibc.close(descriptor) }

    func accept() -> Int32 {
        Glibc.accept(descriptor, nil, nil)
    }
}

/// Ports outside the range that outgoing connections take theirs from.
enum FreePort {
    static func candidate() -> Int { Int.random(in: 20_000..<32_000) }
}
