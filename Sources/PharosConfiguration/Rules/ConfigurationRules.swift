import PharosDomain

/// The rules for a configuration as a whole.
///
/// They go beyond the type of each value.
struct ConfigurationRules {
    let draft: ConfigurationDraft
    let development: Bool
    private(set) var journal: ReadingJournal

    var settings: ServerSettings { draft.configuration.settings }

    /// Judges the draft and adds what it finds to the journal's problems.
    static func check(_ draft: ConfigurationDraft, development: Bool, _ journal: inout ReadingJournal) {
        var rules = ConfigurationRules(draft: draft, development: development, journal: journal)
        rules.checkListeners()
        rules.checkTLS()
        rules.checkAPI()
        rules.checkStore()
        rules.checkEngine()
        rules.checkEdge()
        rules.checkClient()
        rules.checkTokens("client.token", draft.configuration.tokens)
        if draft.subscriptionToken.enabled {
            rules.checkTokens("client.subscription_token", draft.subscriptionToken.tokens)
        }
        rules.checkChannels()
        rules.checkHooks()
        journal = rules.journal
    }

    /// Notes a problem of `key`; each of the others has a part in it.
    ///
    /// Nothing is noted where one of them could not be read: the rule would judge a default in its place.
    mutating func refuse(_ key: String, with others: [String] = [], _ message: String) {
        let keys = [key] + others
        guard !keys.contains(where: journal.refusedKeys.contains) else { return }
        let origins = journal.origins
        let origin = keys.compactMap { origins[$0] }.first ?? .standard
        journal.refuse(key, origin, "`\(key)`: \(message)")
    }

    /// Refuses a pattern that does not compile.
    mutating func checkPattern(_ key: String, _ pattern: String) {
        guard !pattern.isEmpty else { return }
        do {
            _ = try Regex(pattern)
        } catch {
            refuse(key, "not a valid regular expression: `\(pattern.prefix(80))`")
        }
    }
}
