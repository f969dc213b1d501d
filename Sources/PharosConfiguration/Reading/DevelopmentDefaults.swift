import PharosDomain

/// What `--dev` opens, as defaults that file, environment and flags may still close.
enum DevelopmentDefaults {
    struct Opening: Sendable {
        var summary: String
        /// Keys and values, as a file would spell them.
        var settings: [(key: String, value: String)]
    }

    static let originsKey = "client.allowed_origins"

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

    /// Lets pages of this machine in. Comes after all sources, since the origins hold the port they chose.
    static func applyOrigins(to draft: inout ConfigurationDraft, _ journal: inout ReadingJournal) {
        guard journal.origins[originsKey] == nil, !journal.refusedKeys.contains(originsKey) else { return }
        func origins(_ scheme: String, _ port: Int) -> [String] {
            ["localhost", "127.0.0.1", "[::1]"].map { "\(scheme)://\($0):\(port == 0 ? "*" : String(port))" }
        }
        draft.configuration.settings.client.allowedOrigins =
            origins("http", draft.configuration.settings.edge.port)
            + (draft.tls.enabled ? origins("https", draft.tls.port) : [])
        journal.record(originsKey, .development)
    }

    /// One line for each opening that no source has closed again.
    static func report(_ draft: ConfigurationDraft, _ origins: [String: SettingOrigin]) -> [String] {
        var lines = openings.compactMap { opening -> String? in
            opening.settings.contains { origins[$0.key] == .development } ? opening.summary : nil
        }
        if origins[originsKey] == .development {
            let list = draft.configuration.settings.client.allowedOrigins
            lines.append("pages from " + list.joined(separator: ", ") + " may connect")
        }
        return lines
    }
}
