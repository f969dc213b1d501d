import Hummingbird

/// The logged-in users, by a random id in a cookie.
actor Logins {
    private var users: [String: String] = [:]

    func begin(user: String) -> String {
        let session = (0..<4).map { _ in String(UInt64.random(in: .min ... .max), radix: 36) }.joined()
        users[session] = user
        return session
    }

    func user(_ session: String) -> String? { users[session] }
}

/// The facts that the application's middleware found about a request.
struct LoginContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    fileprivate(set) var sessionID: String?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
    }

    /// The login's id, which is the stream's as well.
    ///
    /// It is secret, and it ends with the login.
    var session: String {
        get throws {
            guard let sessionID else { throw HTTPError(.unauthorized) }
            return sessionID
        }
    }
}

struct LoginMiddleware: RouterMiddleware {
    let logins: Logins

    func handle(
        _ request: Request, context: LoginContext, next: (Request, LoginContext) async throws -> Response
    ) async throws -> Response {
        guard let session = request.cookies["session"]?.value, await logins.user(session) != nil else {
            throw HTTPError(.unauthorized)
        }
        var context = context
        context.sessionID = session
        return try await next(request, context)
    }
}
