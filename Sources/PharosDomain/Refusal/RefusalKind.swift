/// A refusal or a failure that an operator should see.
///
/// The one table of such events: counters, lines of the log, documentation and tests are made from it.
package enum RefusalKind: Int, CaseIterable, Sendable {
    /// A page's `Origin`.
    case origin
    /// A key of the server API.
    case apiKey
    /// A client's token.
    case token
    /// Keys for tokens that could not be fetched.
    case keySet
    /// A channel of a namespace that there is not.
    case channel
    /// A command that a client was not allowed.
    case permission
    /// A question to the application, or an event for it.
    case hook

    package struct Row: Sendable {
        /// Without `pharos_`.
        package var metric: String
        package var help: String
        /// The one label of the counter.
        package var label: String
        /// All values of the label; whatever else is noted counts as the last one.
        package var reasons: [String]
        /// Of the log.
        package var message: String
        package var level: Level
        /// Reasons of every day: counted only.
        package var usual: Set<String> = []
    }

    package enum Level: String, Sendable {
        case notice, warning
    }

    package var row: Row { RefusalKind.table[rawValue] }

    private static let table = allCases.map { kind in
        switch kind {
        case .origin:
            Row(
                metric: "origins_refused_total", help: "Requests refused for the page they came from.", label: "reason",
                reasons: ["not_allowed", "several", "keyless", "other"],
                message: "origin refused, a page may connect if client.allowed_origins has its origin", level: .notice)
        case .apiKey:
            Row(
                metric: "api_keys_refused_total", help: "Requests to the server API refused for their key.",
                label: "reason", reasons: ["missing", "wrong", "scope", "other"],
                message: "API key refused, see http_api.key and http_api.keys", level: .notice)
        case .token:
            Row(
                metric: "tokens_refused_total", help: "Tokens of clients that were not accepted.", label: "reason",
                reasons: TokenFault.Kind.allCases.map(\.rawValue), message: "token refused", level: .notice,
                usual: [TokenFault.Kind.expired.rawValue])
        case .keySet:
            Row(
                metric: "key_set_failures_total", help: "Key sets for tokens that could not be fetched.",
                label: "reason",
                reasons: KeySetFault.allCases.map(\.rawValue),
                message: "key set out of reach, tokens signed by its keys cannot be verified", level: .warning)
        case .channel:
            Row(
                metric: "unknown_namespaces_total",
                help: "Commands and calls for a channel whose namespace there is not.",
                label: "method", reasons: Refusal.methods,
                message: "unknown channel, see channel.namespaces and channel.without_namespace", level: .notice)
        case .permission:
            Row(
                metric: "commands_denied_total", help: "Commands that clients were not allowed.", label: "method",
                reasons: Refusal.methods, message: "permission denied", level: .notice)
        case .hook:
            Row(
                metric: "hook_failures_total",
                help: "Questions to the application, and batches of events, that came to nothing.",
                label: "reason",
                reasons: [
                    "timeout", "unreachable", "closed", "status_2xx", "status_3xx", "status_4xx", "status_5xx",
                    "nonsense", "too_large", "overloaded", "breaker", "not_permitted", "unsupported", "shutdown",
                    "thrown",
                    "other",
                ],
                message: "hook failed", level: .warning, usual: ["shutdown"])
        }
    }
}

/// Why a key set is not there.
package enum KeySetFault: String, CaseIterable, Sendable {
    case unreachable, timeout, status, malformed
    case tooLarge = "too_large"
    case other
}
