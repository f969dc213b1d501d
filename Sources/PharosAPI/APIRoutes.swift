import HTTPTypes
package import Hummingbird
import Metrics
package import PharosDomain
import PharosProtocol
package import PharosServices

/// The routes beside those of the shards.
///
/// They are pages, health, metrics, the API's description, and snapshots.
package struct APIRoutes: Sendable {
    package struct Configuration: Sendable {
        /// The demo page at `/`.
        package var demoPage = false
        /// Nodes that the demo page tries in turn; empty: the one that serves it.
        package var demoEndpoints: [String] = []
        package var health = true
        package var metrics = true
        package var openAPI = true
        /// Which of the clients' addresses are open.
        package var transports = TransportSettings()
        /// Whether there are raw paths.
        package var hasRawPaths = false
        /// The server API asks for no key: its description then says so.
        package var insecureAPI = false
        package var version = "0.0.0"
        /// Whether a command's error sets the HTTP status, unless a request says otherwise.
        package var transportErrorMode = false
        /// Answers `POST /api/snapshot`; nil: such a thing is not kept.
        package var snapshot: SnapshotSource?

        package init() {}

        /// The demo page stays off: it is for development.
        package init(api: APISettings, version: String) {
            insecureAPI = api.insecure
            transportErrorMode = api.transportErrorMode
            self.version = version
        }
    }

    private let configuration: Configuration
    private let backend: any Backend
    private let pages: EmbeddedPages
    private let registry: PrometheusRegistry
    private let nodeMetrics: NodeMetrics
    private let transports: @Sendable () -> TransportCounters
    private let description: [UInt8]

    /// Makes the routes.
    ///
    /// - Parameters:
    ///   - registry: the figures of `/metrics`; the program that composes the server makes it the process' metrics
    ///     factory, too.
    ///   - transports: the counters of the HTTP and TLS entrances.
    package init(
        configuration: Configuration, backend: any Backend, registry: PrometheusRegistry,
        transports: @escaping @Sendable () -> TransportCounters = { TransportCounters() }
    ) {
        self.configuration = configuration
        self.backend = backend
        self.pages = EmbeddedPages(demo: configuration.demoPage, endpoints: configuration.demoEndpoints)
        self.registry = registry
        self.nodeMetrics = NodeMetrics(
            factory: registry, version: configuration.version, describe: registry.describe)
        self.transports = transports
        self.description = OpenAPIDocument(
            version: configuration.version, isInsecure: configuration.insecureAPI, hasHealth: configuration.health,
            hasMetrics: configuration.metrics, transports: configuration.transports,
            hasRawPaths: configuration.hasRawPaths
        ).tree.encoded()
    }

    /// A router with all routes; more may be added to it before the responder is built.
    package func router() -> Router<RouteContext> {
        let router = Router(context: RouteContext.self, options: .autoGenerateHeadEndpoints)
        let methods = fixedMethods
        router.add(
            middleware: JSONErrors { path in
                if let known = methods[path] { return known }
                return ServerAPI.serves(path: path) ? [.post] : []
            })
        addPages(to: router)
        if configuration.health { addHealth(to: router) }
        if configuration.metrics { addMetrics(to: router) }
        let description = description
        if configuration.openAPI {
            router.get("openapi.json") { _, _ in Response.json(description, headers: [.cacheControl: "no-cache"]) }
        }
        let snapshot = SnapshotCall(source: configuration.snapshot, transportErrors: configuration.transportErrorMode)
        router.post("api/snapshot") { request, _ in try await snapshot.call(request) }
        return router
    }

    /// The methods of the paths that are known by name, for 405 answers.
    private var fixedMethods: [String: [HTTPRequest.Method]] {
        var paths = pages.pages.map(\.path) + (configuration.openAPI ? ["/openapi.json"] : [])
        if configuration.health { paths += ["/health", "/health/live", "/health/ready"] }
        if configuration.metrics { paths.append("/metrics") }
        var methods: [String: [HTTPRequest.Method]] = ["/api": [.post], "/api/snapshot": [.post]]
        for path in paths { methods[path] = [.get, .head] }
        return methods
    }

    private func addPages(to router: Router<RouteContext>) {
        let pages = pages
        for page in pages.pages {
            router.get(RouterPath(page.path)) { request, _ in pages.response(page, to: request) }
        }
    }

    private func addHealth(to router: Router<RouteContext>) {
        let backend = backend
        let empty = JSONTree.object([]).encoded()
        // Alive means that the process answers; ready, that new connections should come here.
        router.get("health/live") { _, _ in Response.json(empty) }
        router.get("health/ready") { _, _ in
            guard backend.isReady else { return Response.failure(.serviceUnavailable, "the server is shutting down") }
            if case .failing(let problem) = backend.storeHealth {
                return Response.failure(.serviceUnavailable, "the store fails: \(problem)")
            }
            if let problem = backend.engineProblem { return Response.failure(.serviceUnavailable, problem) }
            return Response.json(empty)
        }
        // For those who look at one address only: whether everything works.
        router.get("health") { _, _ in
            if case .failing(let problem) = backend.storeHealth {
                return Response.failure(.serviceUnavailable, "the store fails: \(problem)")
            }
            if let problem = backend.engineProblem { return Response.failure(.serviceUnavailable, problem) }
            // The server works, and its clients know of the loss: no reason to send no clients here.
            guard let loss = backend.storeLoss else { return Response.json(empty) }
            return Response.json(JSONTree.object([("lost", .string(loss))]).encoded())
        }
    }

    private func addMetrics(to router: Router<RouteContext>) {
        let (backend, registry, nodeMetrics, transports) = (backend, registry, nodeMetrics, transports)
        router.get("metrics") { _, _ in
            nodeMetrics.update(await backend.counters(), transports: transports())
            return Response(
                status: .ok,
                headers: [
                    .contentType: "text/plain; version=0.0.4; charset=utf-8",
                    .xContentTypeOptions: "nosniff",
                ], body: ResponseBody(byteBuffer: ByteBuffer(string: registry.text())))
        }
    }
}
