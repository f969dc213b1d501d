import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

/// A transport by which a client with a session key comes.
enum SessionTransport: Hashable, Sendable, CustomStringConvertible {
    case over(Transport)
    case events

    static let all = Transport.allCases.map(SessionTransport.over) + [.events]

    var description: String {
        switch self {
        case .over(let transport): transport.rawValue
        case .events: "events"
        }
    }
}

/// A client with a session key, by any transport.
final class ReturningPeer: Sendable {
    private enum Link: Sendable {
        case client(TestClient)
        case events(EventSourceLink)
    }

    private let link: Link

    private init(_ link: Link) { self.link = link }

    /// Comes with a key, and with a token unless that is empty.
    ///
    /// nil for the peer: it was refused.
    static func come(
        _ server: StoryServer, _ transport: SessionTransport, key: String, token: String
    ) throws -> (outcome: AuthorityTable.Outcome, peer: ReturningPeer?) {
        switch transport {
        case .over(let transport):
            let client = try server.client(over: transport, .json, query: "?session=\(key)")
            try client.send(.connect(token: token))
            switch try client.reply(to: 1) {
            case .connect(let result):
                return (.back(result.subscriptions.keys.map { "\($0)" }.sorted()), ReturningPeer(.client(client)))
            case .error(let error):
                client.cut()
                return (.refused(error.code), nil)
            case let other: throw TestClient.Failure.unexpected("\(other)")
            }
        case .events:
            let stream = try server.events("session=\(key)" + (token.isEmpty ? "" : "&token=\(token)"))
            guard stream.stream.status == 200 else {
                stream.stream.link.close()
                // The status is all that a page sees.
                return (.refused(stream.stream.status == 401 ? 109 : 103), nil)
            }
            let first = try stream.event().data
            let list = try #require(first.firstRange(of: "\"subscriptions\":["))
            let names = first[list.upperBound...].prefix { $0 != "]" }
            return (
                .back(names.split(separator: ",").map { $0.filter { $0 != "\"" } }.sorted()),
                ReturningPeer(.events(stream))
            )
        }
    }

    /// Its client id; nil: its transport does not show it.
    var clientID: String? {
        guard case .client(let client) = link else { return nil }
        return "\(client.id)"
    }

    /// Waits until the server has ended it, and returns the code.
    ///
    /// nil: its transport does not show it.
    func ending() throws -> UInt32? {
        switch link {
        case .client(let client): return try client.ending().reason.code
        case .events(let stream):
            while try stream.next() != nil {}
            return nil
        }
    }

    /// Waits for a publication with this text.
    func hear(_ data: String) throws {
        switch link {
        case .client(let client): while text(try client.publication().publication.data) != data {}
        case .events(let stream): while try stream.event().data != data {}
        }
    }

    func refresh(token: String) throws {
        guard case .client(let client) = link else { throw Wrong() }
        try client.send(.refresh(id: 90, token: token))
    }

    func breakProtocol() throws {
        guard case .client(let client) = link else { throw Wrong() }
        try client.send(.connect(id: 91))
    }

    func cut() {
        switch link {
        case .client(let client): client.cut()
        case .events(let stream): stream.stream.link.close()
        }
    }
}
