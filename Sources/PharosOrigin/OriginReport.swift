/// What an operator should hear of an origin. Never holds anything of questions or answers.
package enum OriginReport: Equatable, Sendable, CustomStringConvertible {
    /// Requests come to nothing; said at most once in ten seconds for each lane.
    case failing(origin: String, OriginLane, OriginFailure)
    /// The first success after `failing`.
    case recovered(origin: String, OriginLane)
    case breakerOpened(origin: String, OriginLane)
    case breakerClosed(origin: String, OriginLane)
    /// The origin did not allow webhooks from this node.
    case permissionRefused(origin: String)
    /// No TLS session came about, for example because the certificate is not trusted; said at most once in ten seconds.
    case notSecured(origin: String, reason: String)

    package var description: String {
        switch self {
        case .failing(let origin, let lane, let failure):
            "origin \(origin): \(lane.name) came to nothing (\(failure.rawValue))"
        case .recovered(let origin, let lane): "origin \(origin): \(lane.name) is answered again"
        case .breakerOpened(let origin, let lane): "origin \(origin): \(lane.name) is not asked for a while"
        case .breakerClosed(let origin, let lane): "origin \(origin): \(lane.name) is asked again"
        case .permissionRefused(let origin): "origin \(origin): does not allow requests from this node"
        case .notSecured(let origin, let reason): "origin \(origin): TLS failed: \(reason)"
        }
    }
}
