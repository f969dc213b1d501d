package import PharosDomain

/// The methods of the server API, by the names in `POST /api/<method>` and in batches.
package enum APIMethod: String, Equatable, Sendable, CaseIterable {
    case publish, broadcast, subscribe, unsubscribe, disconnect, refresh, presence
    case presenceStats = "presence_stats"
    case history
    case historyRemove = "history_remove"
    case channels, info, rpc, batch
    case send, connections

    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { (MethodName($0.rawValue), $0) })

    package init?(named name: MethodName) {
        guard let method = APIMethod.byName[name] else { return nil }
        self = method
    }

    /// Whether `name` is a method of the protocol that Pharos does not offer: maps and shared poll. Answered with 108.
    package static func isDeclined(_ name: MethodName) -> Bool {
        name.hasPrefix("map_") || name == "shared_poll_publish"
    }
}
