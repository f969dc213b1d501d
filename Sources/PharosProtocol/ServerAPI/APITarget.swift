package import PharosDomain

/// The connections that a call is about.
///
/// Those for which everything holds that the call names. Naming nothing means none.
package struct APITarget: Equatable, Sendable {
    package var user: UserID = ""
    package var client: ClientName = ""
    /// The `session` of a connect reply, or the key that a client chose for its state.
    package var session: SessionKey = ""
    /// The connections that are subscribed to it.
    package var channel: ChannelName = ""
    /// Everybody; nothing else is named then, except a channel to leave.
    package var all = false
    /// Clients to pass over.
    package var exclude: Set<ClientID> = []

    package init() {}

    /// Clients that one call can pass over.
    package static let excludeLimit = 1_000

    /// Whether it can be one connection only.
    package var isSingle: Bool { !client.isEmpty || !session.isEmpty }

    package var isEmpty: Bool { user.isEmpty && client.isEmpty && session.isEmpty && channel.isEmpty && !all }
}

extension APITarget {
    /// Throws 107 if the call names no connection.
    ///
    /// Answered with success, such a mistake would pass for done.
    func required(_ names: String) throws(ReplyError) {
        if isEmpty { throw .badRequest("one of \(names) is required") }
    }

    /// Throws 107 if the call means all connections and yet narrows them.
    ///
    /// Such a mistake could cost every connection.
    func checkAll() throws(ReplyError) {
        guard all else { return }
        guard !isSingle, user.isEmpty, channel.isEmpty else {
            throw .badRequest("all: goes with no user, client, session or channel")
        }
    }
}

extension JSONScanner {
    /// A client id; nil where there is none.
    mutating func clientField() throws(MalformedFrame) -> ClientID? {
        let text = try stringField()
        guard !text.isEmpty else { return nil }
        guard let client = ClientID(text) else { throw MalformedFrame(reason: "not a client id") }
        return client
    }

    /// Clients to pass over.
    mutating func excludeField() throws(MalformedFrame) -> Set<ClientID> {
        guard !skipNull() else { return [] }
        var clients: Set<ClientID> = []
        var count = 0
        try beginArray()
        while try nextElement() {
            count += 1
            guard count <= APITarget.excludeLimit else {
                throw MalformedFrame(reason: "more than \(APITarget.excludeLimit)")
            }
            guard let client = ClientID(try text().string) else { throw MalformedFrame(reason: "not a client id") }
            clients.insert(client)
        }
        return clients
    }
}
