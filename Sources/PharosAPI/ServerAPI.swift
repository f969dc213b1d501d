import HTTPTypes
import Hummingbird
import Metrics
import PharosServices

/// The server API's requests that reach HTTP: read within limits, answered by the backend.
struct ServerAPI: Sendable {
    let backend: any Backend
    private let maxBodySize: Int
    let budget: BodyBudget
    private let timers: [String: Timer]

    init(backend: any Backend, maxBodySize: Int, budget: BodyBudget, factory: any MetricsFactory) {
        self.backend = backend
        self.maxBodySize = maxBodySize
        self.budget = budget
        var timers: [String: Timer] = [:]
        for name in APIMethod.all.map(\.name) + ["other"] {
            timers[name] = Timer(
                label: "pharos_api_command_duration_seconds", dimensions: [("method", name)], factory: factory)
        }
        self.timers = timers
    }

    /// Whether `path` is one that `POST` may be sent to.
    static func serves(path: String) -> Bool {
        guard path.hasPrefix("/api/") else { return path == "/api" }
        return serves(method: path.dropFirst(5))
    }

    /// The methods that are declined have names too, and get the backend's error instead of 404.
    private static func serves(method: some StringProtocol) -> Bool {
        APIMethod.all.contains { $0.name == method } || method.hasPrefix("map_") || method == "shared_poll_publish"
    }

    /// - Parameter method: empty for the old form, where the body names the method.
    func call(method: String, _ request: Request) async throws -> Response {
        guard method.isEmpty || Self.serves(method: method) else { return .failure(.notFound, "not found") }
        let body: [UInt8]
        switch try await read(request) {
        case .complete(let bytes): body = bytes
        case .refused(let response): return response
        }
        defer { budget.giveBack(body.count) }
        let start = ContinuousClock.now
        let answer = await backend.callAPI(
            method: method, query: request.uri.query ?? "", headers: headers(of: request), body: body)
        timers[method, default: timers["other"]!].record(duration: ContinuousClock.now - start)
        var headers: HTTPFields = [:]
        if answer.status == 401 { headers[.wwwAuthenticate] = "apikey" }
        return .json(answer.body, status: HTTPResponse.Status(code: answer.status), headers: headers)
    }

    enum Body {
        /// These bytes are taken from the budget.
        case complete([UInt8])
        case refused(Response)
    }

    func read(_ request: Request) async throws -> Body {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > maxBodySize { return tooLarge }
        var bytes: [UInt8] = []
        do {
            for try await chunk in request.body {
                guard bytes.count + chunk.readableBytes <= maxBodySize else {
                    budget.giveBack(bytes.count)
                    return tooLarge
                }
                guard budget.take(chunk.readableBytes) else {
                    budget.giveBack(bytes.count)
                    return .refused(
                        .failure(
                            .serviceUnavailable, "too many requests at a time",
                            headers: [.connection: "close", .retryAfter: "1"]))
                }
                bytes.append(contentsOf: chunk.readableBytesView)
            }
        } catch {
            budget.giveBack(bytes.count)
            throw error
        }
        return .complete(bytes)
    }

    private var tooLarge: Body {
        .refused(
            .failure(.contentTooLarge, "the body is larger than the limit", headers: [.connection: "close"]))
    }

    func headers(of request: Request) -> [String: String] {
        var headers: [String: String] = [:]
        for field in request.headers {
            let name = field.name.canonicalName
            if let earlier = headers[name] {
                headers[name] = "\(earlier), \(field.value)"
            } else {
                headers[name] = field.value
            }
        }
        return headers
    }
}
