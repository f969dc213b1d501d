import PharosDomain
import PharosProtocol

extension PharosServer {
    /// Whose connections are meant.
    public enum Clients: Hashable, Sendable {
        /// All connections of a user.
        case user(String)
        /// One connection, by its id.
        case client(String)
    }

    /// Subscribes clients that are connected: they hear the channel as if they had been given it at connect.
    ///
    /// - Parameter position: publications after it reach them first.
    public func subscribe(
        _ clients: Clients, to channel: String, from position: Position? = nil
    ) async throws(PharosError) {
        var request = APISubscribe()
        (request.user, request.client) = clients.names
        request.channel = channel
        request.recoverSince = position?.streamPosition
        _ = try await call(.subscribe(request))
    }

    /// Takes clients out of a channel; they are told so, and go on with everything else.
    public func kick(_ clients: Clients, from channel: String) async throws(PharosError) {
        var request = APIUnsubscribe()
        (request.user, request.client) = clients.names
        request.channel = channel
        _ = try await call(.unsubscribe(request))
    }

    /// Ends connections.
    ///
    /// - Parameters:
    ///   - except: ids of connections that stay.
    ///   - code: 3,000 to 4,999. From 3,500 to 3,999 and from 4,500 on clients do not come back by themselves.
    public func disconnect(
        _ clients: Clients, except: [String] = [], code: UInt32 = 3_503, reason: String = "force disconnect"
    ) async throws(PharosError) {
        guard 3_000...4_999 ~= code else { throw PharosError(.badRequest("code must be from 3000 to 4999")) }
        var request = APIDisconnect()
        (request.user, request.client) = clients.names
        request.whitelist = except
        request.disconnect = Disconnect(code: code, reason: reason)
        _ = try await call(.disconnect(request))
    }
}

extension PharosServer.Clients {
    var names: (user: String, client: String) {
        switch self {
        case .user(let user): (user, "")
        case .client(let client): ("", client)
        }
    }
}
