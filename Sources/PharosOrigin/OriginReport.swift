package import PharosDomain

/// An event at an origin that an operator should know of.
///
/// Never holds anything of questions or answers.
package enum OriginReport: Equatable, Sendable, CustomStringConvertible {
    /// A request came to nothing; said of each.
    case failed(origin: OriginName, OriginLane, OriginFailure, status: Int?, OriginAsker)
    /// The first success after `failed`.
    case recovered(origin: OriginName, OriginLane)
    case breakerOpened(origin: OriginName, OriginLane)
    case breakerClosed(origin: OriginName, OriginLane)
    /// The origin did not allow webhooks from this node.
    case permissionRefused(origin: OriginName)
    /// No TLS session came about.
    ///
    /// For example the certificate is not trusted. It is said at most once in ten seconds.
    case notSecured(origin: OriginName, reason: String)

    package var description: String {
        switch self {
        case .failed(let origin, let lane, let failure, let status, _):
            "origin \(origin): \(lane.name) came to nothing (\(status.map { "status \($0)" } ?? failure.rawValue))"
        case .recovered(let origin, let lane): "origin \(origin): \(lane.name) is answered again"
        case .breakerOpened(let origin, let lane): "origin \(origin): \(lane.name) is not asked for a while"
        case .breakerClosed(let origin, let lane): "origin \(origin): \(lane.name) is asked again"
        case .permissionRefused(let origin): "origin \(origin): does not allow requests from this node"
        case .notSecured(let origin, let reason): "origin \(origin): TLS failed: \(reason)"
        }
    }
}

/// The client for which an origin was asked, for the log.
///
/// Empty where there is none, or none known.
package struct OriginAsker: Equatable, Sendable {
    package var client: ClientName = ""
    package var user: UserID = ""
    package var address: PeerAddress = ""

    package init() {}
}
