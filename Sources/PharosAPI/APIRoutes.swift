import HTTPTypes
package import Hummingbird
import Metrics
package import PharosDomain
package import PharosServices

/// Everything that is served over plain HTTP: pages, health, metrics, the API's description and the server API.
package struct APIRoutes: Sendable {
    package struct Configuration: Sendable {
        /// The demo page at `/`.
        package var demoPage = false
        package var health = true
        package var metrics = true
        package var openAPI = true
        /// Which of the clients' addresses are open.
        package var transports = TransportSettings()
        /// Whether there are raw paths.
        package var hasRawPaths = false
        /// The server API asks for no key: its description then says so.
        package var insecureAPI = false
        /// Bytes of one server API request's body.
        package var maxBodySize = 8_388_608
        /// Bytes of all bodies that are being read or served at a time.
        package var bodyBudget = 67_108_864
        package var version = "0.0.0"
        /// Who may call the methods that are not answered by the backend. Fresh, nobody.
        package var access = APIAccess(APISettings())
        /// Whether a command's error sets the HTTP status, unless a request says otherwise.
        package var transportErrorMode = false
        /// Answers `POST /api/snapshot`; nil: such a thing is not kept.
        package var snapshot: SnapshotSource?

        package init() {}

        /// The demo page stays off: it is for development.
        package init(api: APISettings, version: String) {
            insecureAPI = api.insecure
            access = APIAccess(api)
            transportErrorMode = api.transportErrorMode
            maxBodySize = api.maxBodySize
            bodyBudget = max(bodyBudget, 4 * api.maxBodySize)
            self.version = version
        }
    }

    private let configuration: Configuration
    private let backend: any Backend
    private let pages: EmbeddedPages
    private let serverAPI: ServerAPI
    private let registry: PrometheusRegistry
    private let nodeMetrics: NodeMetrics
    private let transports: @Sendable () -> TransportCounters
    private let description: [UInt8]

    /// - Parameters:
    ///   - registry: what `/metrics` shows; also made the process' metrics factory by whoever composes the server.
    ///   - transports: the counters of the HTTP and TLS entrances.
    package init(
        configuration: Configuration, backend: any Backend, registry: PrometheusRegistry,
        transports: @escaping @Sendable () -> TransportCounters = { TransportCounters() }
    ) {
        self.configuration = configuration
        self.backend = backend
        self.pages = EmbeddedPages(demo: configuration.demoPage)
        self.serverAPI = ServerAPI(
            backend: backend, maxBodySize: configuration.maxBodySize,
            budget: BodyBudget(limit: max(configuration.bodyBudget, configuration.maxBodySize)), factory: registry)
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
    package func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
        let methods = fixedMethods
        router.add(
            middleware: JSONErrors { path in
                if let known = methods[path] { return known }
                return ServerAPI.serves(path: path) ? [.post] : ServerAPI.rawMethods(path: path)
            })
        addPages(to: router)
        if configuration.health { addHealth(to: router) }
        if configuration.metrics { addMetrics(to: router) }
        let description = description
        if configuration.openAPI {
            router.get("openapi.json") { _, _ in Response.json(description, headers: [.cacheControl: "no-cache"]) }
        }
        let serverAPI = serverAPI
        router.post("sr") { request, _ in try await serverAPI.callRaw(request) }
        for path in ["@connections/**", "%40connections/**"] as [RouterPath] {
            for method in [HTTPRequest.Method.get, .post, .delete] {
                router.on(path, method: method) { request, _ in try await serverAPI.callRaw(request) }
            }
        }
        router.post("api") { request, _ in try await serverAPI.call(method: "", request) }
        let snapshot = SnapshotCall(
            access: configuration.access, source: configuration.snapshot,
            transportErrors: configuration.transportErrorMode)
        router.post("api/snapshot") { request, _ in try await snapshot.call(request) }
        router.post("api/:method") { request, context in
            try await serverAPI.call(method: context.parameters.get("method") ?? "", request)
        }
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

    private func addPages(to router: Router<BasicRequestContext>) {
        let pages = pages
        for page in pages.pages {
            router.get(RouterPath(page.path)) { request, _ in pages.response(page, to: request) }
        }
    }

    private func addHealth(to router: Router<BasicRequestContext>) {
        let backend = backend
        let empty = JSONTree.object([]).encoded()
        // Alive means that the process answers; ready, that new connections should come here.
        router.get("health/live") { _, _ in Response.json(empty) }
        router.get("health/ready") { _, _ in
            guard backend.isReady else { return Response.failure(.serviceUnavailable, "the server is shutting down") }
            if case .failing(let problem) = backend.storeHealth {
                return Response.failure(.serviceUnavailable, "the store fails: \(problem)")
            }
            return Response.json(empty)
        }
        // For those who look at one address only: whether everything works.
        router.get("health") { _, _ in
            if case .failing(let problem) = backend.storeHealth {
                return Response.failure(.serviceUnavailable, "the store fails: \(problem)")
            }
            return Response.json(empty)
        }
    }

    private func addMetrics(to router: Router<BasicRequestContext>) {
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
