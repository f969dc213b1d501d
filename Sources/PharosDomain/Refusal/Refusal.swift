/// One refusal, as the log has it.
///
/// Holds no token, key, cookie, query or payload; texts are as the client sent them.
package struct Refusal: Equatable, Sendable {
    package struct Field: Equatable, Sendable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }

        package init<Kind>(_ name: String, _ value: Identifier<Kind>) { self.init(name, "\(value)") }
    }

    package var kind: RefusalKind
    /// One of the row's reasons.
    package var reason: String
    /// The client that was refused, as far as known; "" where it is not.
    package var client: ClientName = ""
    package var user: UserID = ""
    package var address: PeerAddress = ""
    /// Further facts for the line.
    package var details: [Field] = []

    package init(_ kind: RefusalKind, reason: String) {
        self.kind = kind
        self.reason = reason
    }

    /// All that a line has, in its order; what is not known is left out.
    package var fields: [Field] {
        [Field(kind.row.label, reason)]
            + [Field("client", "\(client)"), Field("user", "\(user)"), Field("address", "\(address)")].filter {
                !$0.value.isEmpty
            }
            + details
    }

    /// The actions of clients and callers, as labels of counters.
    ///
    /// They are commands, and the two ways without any.
    package static let methods = [
        "connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "send",
        "rpc",
        "refresh", "sub_refresh", "poll", "api", "other",
    ]
}
