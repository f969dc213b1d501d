import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

/// A transport in one setting.
struct Crossing: Sendable, CustomTestStringConvertible {
    var transport: Transport
    var setting: StorySetting

    var testDescription: String { "\(transport), \(setting.testDescription)" }

    /// Each transport with one shard and two, also in Protobuf where it carries that.
    static let all = Transport.allCases.flatMap { transport in
        StorySetting.pairs.map { setting in
            var setting = setting
            if transport == .eventStream || transport == .poll { setting.wire = .json }
            return Crossing(transport: transport, setting: setting)
        }
    }
}

extension ServerSettings {
    /// Enables every transport, and sessions.
    ///
    /// The state of clients that asked for it is kept for `sessionTTL` seconds.
    mutating func openEverything(sessionTTL: Double = 2) {
        transports.httpStream = true
        transports.sse = true
        transports.events = true
        transports.poll = true
        client.sessionTTL = sessionTTL
    }
}

extension StoryServer {
    /// A client that is about to connect by one of the transports.
    func client(
        over transport: Transport, _ wire: WireFormat? = nil, query: String = "", headers: [(String, String)] = []
    ) throws -> TestClient {
        let isText = transport == .eventStream || transport == .poll
        let wire = isText ? .json : wire ?? setting.wire
        let open: @Sendable () throws -> any ClientLink = { try self.http().link }
        guard let link = TransportLink.make(transport, wire, open: open) else {
            return try client(wire, query: query, headers: headers)
        }
        return try TestClient(link, wire: wire, query: query, headers: headers)
    }

    /// A plain event stream.
    func events(_ query: String, headers: [(String, String)] = []) throws -> EventSourceLink {
        try EventSourceLink(http().link, "/events?" + query, headers: headers)
    }

    /// One request on a connection of its own, and its answer.
    func ask(
        _ path: String, method: String = "GET", headers: [(String, String)] = [], body: String = ""
    ) throws -> (status: Int, body: String, headers: [String: String]) {
        let answer = try StreamLink(
            http().link, path, method: method, headers: headers, body: Array(body.utf8))
        return (answer.status, try answer.rest(), answer.headers)
    }

    /// Returns once everything sent so far has been read, and is on its shard.
    ///
    /// What waits there waits now.
    func settle() async { for _ in 0..<3 { _ = await server.group.counters() } }

    /// Publishes through the server API, and says where the publication stands.
    func put(_ channel: ChannelName, _ data: String) async -> StreamPosition {
        let answer = await server.call("publish", "{\"channel\":\"\(channel)\",\"data\":\(data)}")
        return StreamPosition(offset: number("offset", in: answer) ?? 0, epoch: Epoch(field("epoch", in: answer) ?? ""))
    }
}

/// The value of a number field, by its first appearance in a JSON text.
func number(_ name: String, in json: String) -> UInt64? {
    guard let start = json.firstRange(of: "\"\(name)\":") else { return nil }
    return UInt64(json[start.upperBound...].prefix { $0.isNumber })
}

/// A position as text, as a poll's `since` has it.
func since(_ position: StreamPosition) -> String { "\(position.epoch):\(position.offset)" }

/// Plays a story in several settings at once.
///
/// For stories whose traces fade only with time.
func playTogether(
    _ settings: [StorySetting], _ change: @escaping @Sendable (inout ServerSettings) -> Void = { _ in },
    _ body: @escaping @Sendable (StoryServer) async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for setting in settings { group.addTask { try await play(setting, change, body) } }
        try await group.waitForAll()
    }
}
