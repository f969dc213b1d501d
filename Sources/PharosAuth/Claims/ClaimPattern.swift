import Synchronization

/// A regular expression of the configuration for `iss` or `aud`.
///
/// Found anywhere in the text unless it is anchored.
///
/// A class with a lock, because `Regex` is not safe to share between threads.
final class ClaimPattern: Sendable {
    private let regex: Mutex<Regex<AnyRegexOutput>>
    private let source: String

    init(_ source: String, setting: String) throws(TokenConfigurationError) {
        do {
            // Scalars, not grapheme clusters: `.` means one character as other programs count them.
            regex = Mutex(try Regex(source).matchingSemantics(.unicodeScalar))
        } catch {
            throw .init(setting: setting, "is not a regular expression")
        }
        self.source = source
    }

    /// True when the pattern has a group of this name.
    func names(_ group: String) -> Bool {
        source.contains("(?<\(group)>") || source.contains("(?P<\(group)>")
    }

    /// nil: the pattern does not occur in `text`.
    ///
    /// Otherwise what those of `groups` that the pattern has stand for.
    func match(_ text: String, groups: Set<String>) -> [String: String]? {
        regex.withLock { regex in
            guard let match = try? regex.firstMatch(in: text) else { return nil }
            var found: [String: String] = [:]
            for group in groups where names(group) {
                found[group] = match[group]?.substring.map(String.init) ?? ""
            }
            return found
        }
    }
}
