/// Which options apply to a channel, by its name. Made once per shard, since compiled patterns are not shared.
package final class ChannelRules {
    package struct Resolved {
        /// -1: the rules for channels without a namespace.
        package let namespace: Int
        package let options: ChannelOptions
    }

    package let settings: ChannelSettings
    private let indexByName: [String: Int]
    private let patterns: [Int: Regex<AnyRegexOutput>]

    /// Patterns were checked with the configuration; one that does not compile here matches nothing.
    package init(_ settings: ChannelSettings) {
        self.settings = settings
        var indexByName: [String: Int] = [:]
        var patterns: [Int: Regex<AnyRegexOutput>] = [:]
        for (index, namespace) in settings.namespaces.enumerated() {
            indexByName[namespace.name] = index
            if !namespace.options.channelRegex.isEmpty {
                patterns[index] = (try? Regex(namespace.options.channelRegex)) ?? ChannelRules.matchesNothing
            }
        }
        if !settings.withoutNamespace.channelRegex.isEmpty {
            patterns[-1] = (try? Regex(settings.withoutNamespace.channelRegex)) ?? ChannelRules.matchesNothing
        }
        self.indexByName = indexByName
        self.patterns = patterns
    }

    private static var matchesNothing: Regex<AnyRegexOutput> { Regex(/(?!)/) }

    /// The options of `channel`: 107 for a name that is too long or does not match, 102 for an unknown namespace.
    package func resolve(_ channel: String) throws(ReplyError) -> Resolved {
        guard !channel.isEmpty, channel.utf8.count <= settings.maxLength else { throw .badRequest }
        let (namespace, rest) = split(channel)
        let index: Int
        if let namespace {
            guard let found = indexByName[String(namespace)] else { throw .unknownChannel }
            index = found
        } else {
            index = -1
        }
        if !patterns.isEmpty, let pattern = patterns[index] {
            // The pattern describes the part after the namespace, and all of it.
            guard (try? pattern.wholeMatch(in: rest)) != nil else { throw .badRequest }
        }
        return Resolved(
            namespace: index, options: index < 0 ? settings.withoutNamespace : settings.namespaces[index].options)
    }

    package func isPrivate(_ channel: String) -> Bool {
        !settings.privatePrefix.isEmpty && channel.utf8.starts(with: settings.privatePrefix.utf8)
    }

    /// The users that a channel's name lists (`room#42,43`); nil when it lists none.
    package func listedUsers(_ channel: String) -> [Substring]? {
        guard !settings.userBoundary.isEmpty, let start = channel.range(of: settings.userBoundary) else { return nil }
        let list = channel[start.upperBound...]
        guard !settings.userSeparator.isEmpty, let separator = settings.userSeparator.first else { return [list] }
        return list.split(separator: separator, omittingEmptySubsequences: false)
    }

    /// The personal channel of a user: `#user`, or `namespace:#user`.
    package func personalChannel(user: String, namespace: String) -> String {
        let name = settings.userBoundary + user
        return namespace.isEmpty ? name : namespace + settings.namespaceBoundary + name
    }

    /// A private channel's prefix stands before the namespace and does not belong to it.
    private func split(_ channel: String) -> (namespace: Substring?, rest: Substring) {
        var name = Substring(channel)
        if isPrivate(channel) { name = name.dropFirst(settings.privatePrefix.count) }
        guard let range = name.range(of: settings.namespaceBoundary) else {
            return (nil, name)
        }
        return (name[..<range.lowerBound], name[range.upperBound...])
    }
}

extension StringProtocol {
    /// The first occurrence of `needle`, byte by byte.
    func range(of needle: String) -> Range<String.Index>? where SubSequence == Substring {
        guard let first = needle.utf8.first else { return nil }
        var start = utf8.startIndex
        while let found = utf8[start...].firstIndex(of: first) {
            if utf8[found...].starts(with: needle.utf8) {
                return found..<utf8.index(found, offsetBy: needle.utf8.count)
            }
            start = utf8.index(after: found)
        }
        return nil
    }
}
