import PharosDomain

extension PharosConfiguration {
    /// Judges a configuration that a program has put together.
    ///
    /// It goes by the rules that files have to keep.
    ///
    /// Hooks that are closures have no place in a file: add them afterwards.
    package func check() throws(ConfigurationError) {
        var draft = ConfigurationDraft()
        draft.configuration = self
        draft.apiKeys = settings.api.keys
        if let tls = settings.edge.tls {
            draft.tls.enabled = true
            (draft.tls.certificateFile, draft.tls.keyFile, draft.tls.port) = (
                tls.certificateFile, tls.keyFile, tls.port
            )
        }
        if let subscriptionTokens {
            draft.subscriptionToken.enabled = true
            draft.subscriptionToken.tokens = subscriptionTokens
        }
        var journal = ReadingJournal()
        ConfigurationRules.check(draft, development: false, &journal)
        guard journal.problems.isEmpty else { throw ConfigurationError(problems: journal.problems) }
    }
}
