/// A question to the application, with the known facts of the client.
package struct HookRequest: Equatable, Sendable {
    /// The client id; in a handshake, before there is one, "".
    package var client: ClientName = ""
    /// `websocket`, `http_stream`, `sse`, `events`, `poll` or `raw`.
    package var transport = ""
    /// Whether the client speaks protobuf and not JSON.
    package var isProtobuf = false
    /// "" anonymous, and before a connect is answered.
    package var user: UserID = ""
    /// The data that an earlier answer left with the connection.
    ///
    /// It is JSON, or empty.
    package var meta: [UInt8] = []
    package var facts = RequestFacts()
    /// The client's address for this server's own log; never passed on.
    package var peer: PeerAddress = ""
    package var question: HookQuestion

    package init(_ question: HookQuestion) {
        self.question = question
    }
}

package enum HookQuestion: Equatable, Sendable {
    case handshake
    /// - Parameters:
    ///   - name, version: of the client's SDK.
    ///   - headers: those that a client without access to its request's head sent inside the command.
    case connect(data: [UInt8], name: SDKName, version: String, headers: [FieldName: String])
    case refresh
    case subscribe(channel: ChannelName, token: String, data: [UInt8])
    case publish(channel: ChannelName, data: [UInt8])
    case rpc(method: MethodName, data: [UInt8])
    case subRefresh(channel: ChannelName)
    case message(data: [UInt8])

    package var kind: HookKind {
        switch self {
        case .handshake: .handshake
        case .connect: .connect
        case .refresh: .refresh
        case .subscribe: .subscribe
        case .publish: .publish
        case .rpc: .rpc
        case .subRefresh: .subRefresh
        case .message: .message
        }
    }
}

/// The part of a client's own HTTP request that is passed on.
///
/// It is only what `PassList` names, so usually nothing.
package struct RequestFacts: Equatable, Sendable {
    package var method = ""
    package var path = ""
    /// Names in lower case; several fields of one name are joined by ", ".
    package var headers: [FieldName: String] = [:]
    /// The cookies that the list names, as sent.
    package var cookies: [FieldName: String] = [:]
    /// The parameters that the list names, percent-decoded.
    package var query: [FieldName: String] = [:]
    /// The peer's, or what a trusted proxy says; "": not to be passed on.
    package var address = ""

    package init() {}

    /// Only what `list` names of it.
    package func limited(to list: PassList) -> RequestFacts {
        var facts = RequestFacts()
        if list.path {
            facts.method = method
            facts.path = path
        }
        facts.headers = headers.filter { list.headers.contains($0.key) }
        facts.cookies = cookies.filter { list.cookies.contains($0.key) }
        facts.query = query.filter { list.query.contains($0.key) }
        if list.address { facts.address = address }
        return facts
    }
}

/// The parts of a client's own request that the application gets to see.
///
/// A fresh value has none.
package struct PassList: Equatable, Sendable {
    /// In lower case.
    package var headers: [FieldName] = []
    package var cookies: [FieldName] = []
    package var query: [FieldName] = []
    package var address = false
    /// Method and path.
    package var path = false

    package init() {}

    package var isEmpty: Bool {
        headers.isEmpty && cookies.isEmpty && query.isEmpty && !address && !path
    }

    package mutating func formUnion(_ other: PassList) {
        headers += other.headers.filter { !headers.contains($0) }
        cookies += other.cookies.filter { !cookies.contains($0) }
        query += other.query.filter { !query.contains($0) }
        address = address || other.address
        path = path || other.path
    }
}
