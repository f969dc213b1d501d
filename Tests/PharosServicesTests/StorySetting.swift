import PharosBytes
import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

/// All stories over a whole server.
///
/// They run one at a time, so that each has the machine to itself.
@Suite("stories", .serialized, .ownThreads, .timeLimit(.minutes(10)))
enum Stories {}

/// The setting in which a story is played.
///
/// The same stories are played over both kinds of connection, in both wire formats, with one shard and two.
struct StorySetting: Sendable, CustomTestStringConvertible {
    var shards = 1
    var kind = LinkKind.socket
    var wire = WireFormat.json

    var testDescription: String { "\(shards) \(shards == 1 ? "shard" : "shards"), \(kind), \(wire)" }

    /// Every combination.
    static let all = [1, 2].flatMap { shards in
        LinkKind.allCases.flatMap { kind in
            WireFormat.allCases.map { wire in StorySetting(shards: shards, kind: kind, wire: wire) }
        }
    }

    /// Each pair of values at least once: for long stories.
    static let pairs = [
        StorySetting(shards: 1, kind: .socket, wire: .json), StorySetting(shards: 2, kind: .socket, wire: .protobuf),
        StorySetting(shards: 2, kind: .tls, wire: .json), StorySetting(shards: 1, kind: .tls, wire: .protobuf),
    ]

    static let shardCounts = [StorySetting(shards: 1), StorySetting(shards: 2)]
}

/// A server and the clients of one story.
final class StoryServer: Sendable {
    let server: TestServer
    let setting: StorySetting
    private let clients = Locked<[TestClient]>([])
    private let links = Locked<[any ClientLink]>([])

    init(_ setting: StorySetting, server: TestServer) {
        self.setting = setting
        self.server = server
    }

    /// A client whose connection is upgraded, and that has said nothing yet.
    func client(
        _ wire: WireFormat? = nil, kind: LinkKind? = nil, query: String = "", headers: [(String, String)] = []
    ) throws -> TestClient {
        let client = try server.client(kind ?? setting.kind, wire ?? setting.wire, query: query, headers: headers)
        clients.withLock { $0.append(client) }
        return client
    }

    /// A client that has connected, and subscribed to `channels`.
    func connected(
        _ wire: WireFormat? = nil, as token: String = "", to channels: ChannelName...
    ) throws -> TestClient {
        let client = try client(wire)
        try client.connect(token: token)
        for channel in channels { try client.subscribe(channel) }
        return client
    }

    /// A connection for HTTP requests.
    func http() throws -> HTTPLink {
        let link = try server.link(setting.kind)
        links.withLock { $0.append(link) }
        return HTTPLink(link)
    }

    /// Publishes through the server API and expects success.
    func publish(_ channel: ChannelName, _ data: String) async {
        let answer = await server.call("publish", "{\"channel\":\"\(channel)\",\"data\":\(data)}")
        #expect(answer.hasPrefix("{\"result\":"))
    }

    func cutAll() {
        for client in clients.withLock({ $0 }) { client.cut() }
        for link in links.withLock({ $0 }) { link.close() }
    }
}

/// Plays a story on a fresh server.
///
/// Afterwards the clients are cut, nothing of them may be left, and the server must end.
func play(
    _ setting: StorySetting, _ change: (inout ServerSettings) -> Void = { _ in }, durable: (any DurableStreams)? = nil,
    dialects: DialectTable = .standard,
    application: Application = Application(), responder: (any RequestResponder)? = nil,
    _ body: (StoryServer) async throws -> Void
) async throws {
    var settings = ServerSettings.stories(shards: setting.shards)
    change(&settings)
    let server = try TestServer(
        settings, durable: durable, dialects: dialects, application: application, responder: responder)
    let scene = StoryServer(setting, server: server)
    do {
        try await body(scene)
    } catch {
        scene.cutAll()
        scene.server.stop()
        throw error
    }
    scene.cutAll()
    let left = await scene.server.emptied()
    #expect(left.currentConnections == 0)
    #expect(left.currentClients == 0)
    #expect(left.currentUsers == 0)
    #expect(left.currentSubscriptions == 0)
    #expect(left.currentChannels == 0)
    scene.server.stop()
}

/// The value of a string field, by its first appearance in a JSON text.
func field(_ name: String, in json: String) -> String? {
    guard let start = json.firstRange(of: "\"\(name)\":\"") else { return nil }
    return String(json[start.upperBound...].prefix { $0 != "\"" })
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
