import PharosDomain

/// The openings of `--dev`.
///
/// They are defaults that file, environment and flags may still close.
enum DevelopmentDefaults {
    struct Opening: Sendable {
        var summary: String
        /// Keys and values, as a file would spell them.
        var settings: [(key: String, value: String)]
    }

    static let openings: [Opening] = [
        Opening(
            summary: "clients connect without a token; everybody may subscribe, publish, read presence and history",
            settings: [("client.insecure", "true")]),
        Opening(summary: "the server API needs no key", settings: [("http_api.insecure", "true")]),
        Opening(
            summary:
                "channels without a namespace have presence, join and leave, history (100 publications, 5 minutes) "
                + "and recovery",
            settings: [
                ("channel.without_namespace.presence", "true"),
                ("channel.without_namespace.join_leave", "true"),
                ("channel.without_namespace.force_push_join_leave", "true"),
                ("channel.without_namespace.history_size", "100"),
                ("channel.without_namespace.history_ttl", "300s"),
                ("channel.without_namespace.force_recovery", "true"),
                ("channel.without_namespace.allow_recovery", "true"),
            ]),
        Opening(
            summary: "history lives in memory and ends with the process; give store.path to keep it",
            settings: [("store.path", "")]),
        Opening(
            summary: "besides WebSocket: HTTP streams, SSE, EventSource and long polls",
            settings: [
                ("http_stream.enabled", "true"), ("sse.enabled", "true"), ("events.enabled", "true"),
                ("poll.enabled", "true"),
            ]),
        Opening(
            summary: "pages of this machine may connect, whatever their port, and no others",
            settings: [("client.allowed_origins", "loopback")]),
        Opening(
            summary: "the demo page, /health, /metrics and /openapi.json answer",
            settings: [
                ("demo.enabled", "true"), ("health.enabled", "true"), ("prometheus.enabled", "true"),
                ("openapi.enabled", "true"),
            ]),
    ]

    static func apply(to draft: inout ConfigurationDraft, _ journal: inout ReadingJournal) {
        for (key, value) in openings.flatMap(\.settings) {
            guard let setting = ConfigurationSchema.table[key] else { preconditionFailure("no key \(key)") }
            setting.read(SettingNode(content: .text(value), origin: .development), key, &draft, &journal)
        }
    }

    /// One line for each opening that no source has closed again.
    static func report(_ draft: ConfigurationDraft, _ origins: [String: SettingOrigin]) -> [String] {
        openings.compactMap { opening -> String? in
            opening.settings.contains { origins[$0.key] == .development } ? opening.summary : nil
        }
    }
}
