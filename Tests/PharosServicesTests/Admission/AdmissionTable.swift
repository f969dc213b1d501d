import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

/// One rule about the admission of clients, which is tried at every entrance.
///
/// A row says by itself to which entrances it does not apply.
struct AdmissionRow: Sendable, CustomTestStringConvertible {
    let title: String
    /// Whether the row says anything about an entrance.
    var applies: @Sendable (Entrance) -> Bool = { _ in true }
    var settings: @Sendable (inout ServerSettings) -> Void = { _ in }
    var answers: [HookKind: HookOutcome] = [:]
    var headers: [(String, String)] = []
    var channel = "log:a"
    var token = ""
    /// Comes first, and is there meanwhile.
    var other: (@Sendable (StoryServer) throws -> TestClient)?
    let verdict: Entrance.Verdict
    /// How often the application is asked for one client.
    var questions: [HookKind: Int] = [:]
    /// A rate: the client comes until it is refused.
    var isRate = false

    var testDescription: String { title }

    /// The entrances of rows about the request itself.
    private static let requests: @Sendable (Entrance) -> Bool = { $0.hasHeader }
    private static let notRaw: @Sendable (Entrance) -> Bool = { !$0.isRaw }
    /// The entrances of rows about connections of a user.
    ///
    /// A poll that has been answered is none, and raw ones are the application's.
    private static let connections: @Sendable (Entrance) -> Bool = { !$0.isRaw && !$0.isRequest }

    private static func claims(_ user: UserID, _ channels: ChannelName...) -> ConnectionClaims {
        var claims = ConnectionClaims()
        claims.user = user
        claims.channels = channels
        return claims
    }

    private static func hook(_ change: @escaping @Sendable (inout ServerSettings) -> Void)
        -> @Sendable (inout ServerSettings) -> Void
    {
        { settings in
            settings.hooks.origins = [OriginSettings(name: "app", url: "http://127.0.0.1:1")]
            change(&settings)
        }
    }

    private static let handshake = hook {
        $0.hooks.handshake = "app"
        for index in $0.hooks.raw.indices { $0.hooks.raw[index].handshake = "app" }
    }

    static let all: [AdmissionRow] = [
        AdmissionRow(title: "nothing stands in the way", verdict: .heard),
        // MARK: the application
        AdmissionRow(
            title: "the handshake hook refuses", applies: requests, settings: handshake,
            answers: [.handshake: .status(403)],
            verdict: .refused, questions: [.handshake: 1]),
        AdmissionRow(
            title: "the handshake hook cannot be asked", applies: requests, settings: handshake, verdict: .refused,
            questions: [.handshake: 1]),
        AdmissionRow(
            title: "the handshake hook names the channel", applies: requests, settings: handshake,
            answers: [.handshake: .granted(.handshake(claims("ann", "closed:log")), meta: nil)], channel: "closed:log",
            verdict: .heard, questions: [.handshake: 1, .connect: 0, .subscribe: 0]),
        AdmissionRow(
            title: "the connect hook refuses, though anonymous connections are allowed", applies: notRaw,
            settings: hook { $0.hooks.connect = "app" }, answers: [.connect: .refused(.permissionDenied)],
            verdict: .refused, questions: [.connect: 1]),
        AdmissionRow(
            title: "the connect hook cannot be asked", applies: notRaw, settings: hook { $0.hooks.connect = "app" },
            verdict: .refused, questions: [.connect: 1]),
        AdmissionRow(
            title: "the connect hook says who it is", applies: notRaw,
            settings: hook {
                $0.hooks.connect = "app"
                $0.client.allowAnonymousConnectWithoutToken = false
            }, answers: [.connect: .granted(.connect(claims("ann"), data: []))], verdict: .heard,
            questions: [.connect: 1]),
        AdmissionRow(
            title: "a token is there, so the connect hook is not asked", applies: notRaw,
            settings: hook { $0.hooks.connect = "app" }, token: "ann", verdict: .heard, questions: [.connect: 0]),
        AdmissionRow(
            title: "the subscribe hook refuses, though clients may subscribe", applies: notRaw,
            settings: hook { $0.namespace("log") { $0.subscribeHook = "app" } },
            answers: [.subscribe: .refused(.permissionDenied)], verdict: .refused, questions: [.subscribe: 1]),
        AdmissionRow(
            title: "the subscribe hook cannot be asked", applies: notRaw,
            settings: hook { $0.namespace("log") { $0.subscribeHook = "app" } }, verdict: .refused,
            questions: [.subscribe: 1]),
        AdmissionRow(
            title: "the subscribe hook lets it into a channel that is closed to others", applies: notRaw,
            settings: hook { $0.namespace("closed") { $0.subscribeHook = "app" } },
            answers: [.subscribe: .granted(.subscribe(SubscriptionOptions()))], channel: "closed:log", verdict: .heard,
            questions: [.subscribe: 1]),
        // MARK: tokens and permissions
        AdmissionRow(
            title: "a token is needed", applies: notRaw,
            settings: { $0.client.allowAnonymousConnectWithoutToken = false }, verdict: .refused),
        AdmissionRow(title: "the token has expired", applies: notRaw, token: "expired", verdict: .refused),
        AdmissionRow(title: "the token is forged", applies: notRaw, token: "forged", verdict: .refused),
        AdmissionRow(
            title: "the token names no user, and that is not allowed", applies: notRaw,
            settings: { $0.client.disallowAnonymousConnectionTokens = true }, token: "nobody", verdict: .refused),
        AdmissionRow(title: "the channel is closed", applies: notRaw, channel: "closed:log", verdict: .refused),
        AdmissionRow(
            title: "the channel is closed to those without a user", applies: notRaw,
            settings: { $0.namespace("log") { $0.allowSubscribeForAnonymous = false } }, verdict: .refused),
        AdmissionRow(
            title: "the channel's name lists others", applies: notRaw,
            settings: { $0.namespace("log") { $0.allowUserLimitedChannels = true } }, channel: "log:a%23bob",
            token: "ann", verdict: .refused),
        AdmissionRow(title: "the channel is private", applies: notRaw, channel: "$log:a", verdict: .refused),
        AdmissionRow(title: "there is no such namespace", applies: notRaw, channel: "nowhere:a", verdict: .refused),
        AdmissionRow(
            title: "everything is open", applies: notRaw,
            settings: {
                $0.client.insecure = true
                $0.client.allowAnonymousConnectWithoutToken = false
            }, channel: "closed:log", verdict: .heard),
        // MARK: pages
        AdmissionRow(
            title: "a page of another origin", applies: requests, headers: [("Origin", "https://evil.example")],
            verdict: .refused),
        AdmissionRow(
            title: "a page of an allowed origin", applies: requests,
            settings: { $0.client.allowedOrigins = ["https://a.example"] },
            headers: [("Origin", "https://a.example"), ("Sec-Fetch-Site", "cross-site")], verdict: .heard),
        AdmissionRow(
            title: "another site's page without an origin", applies: requests,
            headers: [("Sec-Fetch-Site", "cross-site")],
            verdict: .refused),
        // MARK: limits
        AdmissionRow(
            title: "there are as many connections as there may be", settings: { $0.client.connectionLimit = 1 },
            other: { try $0.connected(.json) }, verdict: .refused),
        AdmissionRow(
            title: "there are as many from its address as there may be",
            settings: { $0.client.connectionsPerAddress = 1 }, other: { try $0.connected(.json) }, verdict: .refused),
        AdmissionRow(
            title: "there are as many of its user as there may be", applies: connections,
            settings: { $0.client.userConnectionLimit = 1 }, token: "ann",
            other: { try $0.connected(.json, as: "ann") }, verdict: .refused),
        AdmissionRow(
            title: "its address asks faster than it may",
            settings: { $0.client.rateLimits.perAddress = 1 }, verdict: .refused, isRate: true),
        AdmissionRow(
            title: "its user asks faster than it may", applies: notRaw,
            settings: { $0.client.rateLimits.perUser = 1 }, token: "ann", verdict: .refused, isRate: true),
    ]
}
