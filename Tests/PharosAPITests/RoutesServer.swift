import Hummingbird
import Logging
import PharosAPI
import PharosDomain
import PharosServices
import PharosTestKit

/// Shards on a port of the system's choice.
///
/// The routes of a real server are behind them.
final class RoutesServer: Sendable {
    let backend: FakeBackend
    let registry: PrometheusRegistry
    private let group: ShardGroup

    /// - Parameter api: who may call the server API; fresh, everybody.
    init(
        backend: FakeBackend = FakeBackend(), api: APISettings? = nil,
        configure: (inout APIRoutes.Configuration) -> Void = { $0.demoPage = true }
    ) throws {
        var configuration = APIRoutes.Configuration()
        configure(&configuration)
        self.backend = backend
        registry = PrometheusRegistry()
        let routes = APIRoutes(configuration: configuration, backend: backend, registry: registry)
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        let http = HTTPService(responder: routes.router().buildResponder(), logger: logger)
        var settings = ServerSettings()
        settings.edge.port = 0
        settings.edge.shards = 1
        // Where everything else is being tested at the same time, a client may take its time.
        settings.edge.headTimeout = 120
        settings.api.insecure = true
        if let api { settings.api = api }
        group = try ShardGroup(
            settings: settings, verifier: FakeTokenVerifier(), responder: http, version: "pharos test",
            openFiles: 1_024)
    }

    deinit {
        group.beginShutdown(windowMs: 0)
        group.join()
    }

    func client() async throws -> RawClient {
        let client = try await RawClient.connect(port: group.port)
        client.server = self
        return client
    }
}
