/// The permissions of a client that comes back with its key, by its session's end.
///
/// The one source of the table in docs/sessions.md and of the test that runs every cell of it, over every pair of
/// transports.
enum AuthorityTable {
    /// The proof that a client returns with, besides its key.
    enum Proof: CaseIterable, Sendable {
        /// `connect` without a token: only the key says who the client is.
        case key
        /// A valid token of the same user, which names no channels.
        case token
        case foreignToken
        case expiredToken

        var title: String {
            switch self {
            case .key: "the key alone"
            case .token: "a token of the user"
            case .foreignToken: "another user's token"
            case .expiredToken: "an expired token"
            }
        }
    }

    enum Outcome: Equatable, Sendable {
        /// Back in these of the two channels that the session had, `log:a` and `log:b`.
        case back([String])
        /// Refused with this code.
        case refused(UInt32)

        static let all = Outcome.back(["log:a", "log:b"])
        /// Let in as a client that was never here.
        static let anew = Outcome.back([])
        static let denied = Outcome.refused(103)
        static let expired = Outcome.refused(109)

        var title: String {
            switch self {
            case .back(["log:a", "log:b"]): "all it had"
            case .back([]): "in, with nothing of what it had"
            case .back: "what is left of it"
            case .refused(103): "103"
            case .refused(109): "109"
            case .refused(let code): "\(code)"
            }
        }
    }

    /// How a session ends, or what happens to it while its client is away.
    enum End: String, CaseIterable, Sendable {
        case cut, comeBack, live
        case unsubscribed, unsubscribedAway, subscriptionOver, subscriptionOverAway
        case expired, expiredAway, inGrace, refreshedToPast, refreshedToPastAway, expiredByAPI, expiredByAPIAway
        case staleRefresh, disconnectedAsExpired
        case sentAway, sentAwayAway, sentAwayByKey, sentAwayByClient, forgedRefresh, badRequest, newerOfUser

        /// The server's settings that the end needs.
        enum Setting: CaseIterable, Sendable {
            /// A connection that has expired may still be refreshed for a long while.
            case patient
            /// A connection that has expired ends at once.
            case strict
            /// Only a user's newest connection stays.
            case single
        }

        var setting: Setting {
            switch self {
            case .subscriptionOver, .expired, .refreshedToPast: .strict
            case .newerOfUser: .single
            default: .patient
            }
        }

        var title: String {
            switch self {
            case .cut: "the connection breaks, or the client closes it"
            case .comeBack:
                "the server ends it with a code below 3500 or from 4000 to 4499, by itself or by the API, 3005 apart"
            case .live: "it still stands, and a newer connection comes"
            case .unsubscribed: "the API takes it out of a channel"
            case .unsubscribedAway: "the API takes it out of a channel while it is away"
            case .subscriptionOver: "a subscription expires (2501 or 3006)"
            case .subscriptionOverAway: "a subscription expires while it is away"
            case .expired: "the connection expires (3005)"
            case .expiredAway: "the connection expires while it is away"
            case .inGrace: "the connection has expired, still stands, and a newer one comes"
            case .refreshedToPast: "the API's `refresh` sets an end that has passed"
            case .refreshedToPastAway: "the same while it is away"
            case .expiredByAPI: "the API's `refresh` with `expired`"
            case .expiredByAPIAway: "the same while it is away"
            case .staleRefresh: "the client's `refresh` brings an expired token (3005)"
            case .disconnectedAsExpired: "the API's `disconnect` with code 3005"
            case .sentAway: "the API's `disconnect` for good, by user"
            case .sentAwayAway: "the same while it is away"
            case .sentAwayByKey: "the same by its key, while it is away"
            case .sentAwayByClient: "the same by its last client id, while it is away"
            case .forgedRefresh: "the client's `refresh` brings an invalid token (3500)"
            case .badRequest: "the client breaks the protocol (3501), or anything else ends it for good"
            case .newerOfUser: "a newer connection of its user ends it, where there may be one only (3504)"
            }
        }

        /// Whether the end needs commands of the client: a plain event stream has none.
        var needsCommands: Bool { self == .staleRefresh || self == .forgedRefresh || self == .badRequest }

        /// Whether the session still stands when its client returns.
        ///
        /// A client that is refused leaves it alone.
        var isLive: Bool { self == .live || self == .inGrace }

        func outcome(_ proof: Proof) -> Outcome {
            if proof == .expiredToken { return .expired }
            switch self {
            case .cut, .comeBack, .live:
                return proof == .foreignToken ? .denied : .all
            case .unsubscribed, .unsubscribedAway, .subscriptionOver, .subscriptionOverAway:
                return proof == .foreignToken ? .denied : .back(["log:b"])
            case .expired, .expiredAway, .inGrace, .refreshedToPast, .refreshedToPastAway, .expiredByAPI,
                .expiredByAPIAway, .staleRefresh, .disconnectedAsExpired:
                return proof == .key ? .expired : proof == .foreignToken ? .denied : .anew
            case .sentAway, .sentAwayAway, .sentAwayByKey, .sentAwayByClient, .forgedRefresh, .badRequest, .newerOfUser:
                return proof == .key ? .denied : .anew
            }
        }
    }

    /// As it stands in the documentation.
    static var markdown: String {
        var lines = ["| its end | " + Proof.allCases.map(\.title).joined(separator: " | ") + " |"]
        lines.append("| --- |" + Proof.allCases.map { _ in " --- |" }.joined())
        for end in End.allCases {
            lines.append(
                "| \(end.title) | " + Proof.allCases.map { end.outcome($0).title }.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
