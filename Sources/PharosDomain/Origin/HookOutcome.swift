/// The application's answer, or the substitute for one that did not come.
package enum HookOutcome: Equatable, Sendable {
    /// The application allows it.
    ///
    /// - Parameter meta: replaces what the connection carries from hook to hook; nil keeps it.
    case granted(HookGrant, meta: [UInt8]?)
    /// The one command fails.
    case refused(ReplyError)
    case disconnect(Disconnect)
    /// A handshake ends with this status: 401, 403 or another of the 4xx.
    case status(Int)

    package static func granted(_ grant: HookGrant) -> HookOutcome { .granted(grant, meta: nil) }

    /// No answer in time, an open breaker, or nonsense: the client may try again.
    package static let unavailable = HookOutcome.refused(.internalError)
}

/// The content of a grant: the case that belongs to the question.
///
/// Another one counts as nonsense.
package enum HookGrant: Equatable, Sendable {
    /// The client's identity, and the channels it is subscribed to.
    ///
    /// No token and no further hook is needed for them.
    case handshake(ConnectionClaims)
    /// - Parameter data: for the connect reply.
    case connect(ConnectionClaims, data: [UInt8])
    case refresh(HookRefresh)
    case subscribe(SubscriptionOptions)
    case publish(HookPublish)
    case rpc(data: [UInt8])
    case subRefresh(HookRefresh)
    case message
}

package struct HookRefresh: Equatable, Sendable {
    /// It ends now.
    package var isExpired = false
    /// Seconds since 1970; 0 never.
    package var expireAt: Int64 = 0
    /// Empty: as before.
    package var info: [UInt8] = []

    package init() {}
}

/// The decision about a client's publication.
package struct HookPublish: Equatable, Sendable {
    /// nil: as the client sent it.
    package var data: [UInt8]?
    /// The client gets its answer, and nothing is published.
    package var isDropped = false
    package var skipHistory = false
    package var tags: [TagKey: String] = [:]
    package var idempotencyKey: IdempotencyKey = ""
    package var delta = false
    package var version: UInt64 = 0
    package var versionEpoch: Epoch = ""

    package init() {}
}
