package import PharosDomain

extension PharosServer.Hooks {
    /// The connection that asks.
    public struct Client: Hashable, Sendable {
        /// The connection's id, unique while the server runs.
        ///
        /// "" before it has one, in a handshake.
        public let id: String
        /// "" anonymous, and before its connect is answered.
        public let user: String
        /// `websocket`, `http_stream`, `sse`, `events` or `poll`.
        public let transport: String
        /// The data that an earlier answer left with the connection, as `meta`.
        ///
        /// Clients never see it.
        public let meta: [UInt8]
        /// Headers of its HTTP request; names in lower case.
        ///
        /// They are those that ``PharosServer/Hooks/pass(headers:cookies:query:address:)`` names.
        public let headers: [String: String]
        public let cookies: [String: String]
        public let query: [String: String]
        /// "": not passed on.
        public let address: String

        /// - Parameter facts: what may be seen of its own request.
        package init(_ request: HookRequest, _ facts: RequestFacts) {
            id = request.client.text
            user = request.user.text
            transport = request.transport
            meta = request.meta
            headers = facts.headers.texts()
            cookies = facts.cookies.texts()
            query = facts.query.texts()
            address = facts.address
        }
    }

    public struct Handshake: Sendable {
        /// Without an id, a user or `meta`: it has none yet.
        public let client: Client
        /// Of its HTTP request.
        public let method: String
        public let path: String
    }

    public struct Connect: Sendable {
        public let client: Client
        /// The data that the client sent along.
        ///
        /// It is JSON, or anything from a client that speaks protobuf.
        public let data: [UInt8]
        /// Of the client's SDK.
        public let name: String
        public let version: String
    }

    public struct Refresh: Sendable {
        public let client: Client
    }

    public struct Subscribe: Sendable {
        public let client: Client
        public let channel: String
        /// "": none. It has not been verified.
        public let token: String
        public let data: [UInt8]
    }

    public struct Publish: Sendable {
        public let client: Client
        public let channel: String
        public let data: [UInt8]
    }

    public struct RefreshSubscription: Sendable {
        public let client: Client
        public let channel: String
    }

    public struct Call: Sendable {
        public let client: Client
        public let method: String
        public let data: [UInt8]
    }

    public struct Message: Sendable {
        public let client: Client
        public let data: [UInt8]
    }
}
