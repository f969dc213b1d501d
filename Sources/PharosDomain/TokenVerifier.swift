/// Checks the tokens that clients bring.
///
/// Synchronous where the keys are at hand, so that a shard need not wait.
///
/// Called from every shard at once: implementations must be safe for that.
package protocol TokenVerifier: Sendable {
    /// Verifies a connection token.
    ///
    /// - Parameter nowMs: milliseconds since 1970.
    func verifyConnection(token: String, nowMs: Int64) -> TokenOutcome<ConnectionClaims>
    func verifySubscription(token: String, nowMs: Int64) -> TokenOutcome<SubscriptionClaims>
    /// Fetches the keys that an earlier `.needsKeys` asked for.
    ///
    /// Afterwards verifying again gives a final answer.
    func loadKeys() async
}

package enum TokenOutcome<Claims: Equatable & Sendable>: Equatable, Sendable {
    case valid(Claims)
    /// Well signed, but too late.
    case expired
    case invalid(TokenFault)
    /// Longer than is looked at.
    case tooLong(length: Int, limit: Int)
    /// No answer before the key set has been fetched: call `loadKeys`, then ask again.
    case needsKeys
    /// The key set could not be fetched.
    ///
    /// So nothing can be said about the token: the client should try again later.
    case unavailable

    /// Why the token itself is refused, for the log; nil: it is not.
    package var refusal: String? {
        switch self {
        case .invalid(let fault): fault.text
        case .tooLong(let length, let limit): "token too long: \(length) bytes, at most \(limit) (max_length)"
        case .valid, .expired, .needsKeys, .unavailable: nil
        }
    }
}

package struct ConnectionClaims: Equatable, Sendable {
    package var user: UserID = ""
    /// Seconds since 1970 at which the connection ends; 0 never.
    package var expireAt: Int64 = 0
    package var info: [UInt8] = []
    /// Server-side subscriptions.
    package var channels: [ChannelName] = []
    package var subscriptions: [ChannelName: SubscriptionOptions] = [:]
    /// Stays on the server.
    package var meta: [UInt8] = []

    package init() {}
}

package struct SubscriptionClaims: Equatable, Sendable {
    package var user: UserID = ""
    package var channel: ChannelName = ""
    /// nil: not in the token.
    package var client: ClientName?
    /// Seconds since 1970 at which the subscription ends; 0 never.
    package var expireAt: Int64 = 0
    package var options = SubscriptionOptions()

    package init() {}
}

/// The options of one subscription from a token, a hook or the API.
package struct SubscriptionOptions: Equatable, Sendable {
    /// Seconds since 1970; 0 never.
    package var expireAt: Int64 = 0
    package var info: [UInt8] = []
    package var data: [UInt8] = []
    package var override = Override()

    package init() {}

    /// Values that replace the namespace's; nil keeps them.
    package struct Override: Equatable, Sendable {
        package var presence: Bool?
        package var joinLeave: Bool?
        package var forcePushJoinLeave: Bool?
        package var forceRecovery: Bool?
        package var forcePositioning: Bool?
        package init() {}
    }
}
