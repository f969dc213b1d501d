/// The record of a reading of the sources.
///
/// It has the origin of each value, and every problem.
struct ReadingJournal: Sendable {
    /// By full key; a key that is absent has its default.
    private(set) var origins: [String: SettingOrigin] = [:]
    private(set) var problems: [ConfigurationProblem] = []
    /// Keys whose value could not be used.
    ///
    /// Rules must not judge the default that stands in for it.
    private(set) var refusedKeys: Set<String> = []

    /// Values that were passed over, with the reason; lines for people.
    private(set) var notices: [String] = []

    mutating func note(_ lines: [String]) { notices += lines }

    mutating func record(_ key: String, _ origin: SettingOrigin) {
        origins[key] = origin
    }

    /// A list that is given anew forgets where its former items came from.
    mutating func forgetItems(of key: String) {
        origins = origins.filter { !$0.key.hasPrefix(key + "[") }
    }

    mutating func refuse(_ key: String, _ origin: SettingOrigin, _ message: String) {
        problems.append(ConfigurationProblem(key: key, origin: origin, message: message))
        if !key.isEmpty { refusedKeys.insert(key) }
    }
}
