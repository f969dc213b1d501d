/// Which options apply to a channel, by its name.
///
/// Made once per shard, since compiled patterns are not shared.
package final class ChannelRules {
    package struct Resolved {
        /// -1: the rules for channels without a namespace.
        package let namespace: Int
        package let options: ChannelOptions
    }

    package let settings: ChannelSettings
    private let indexByName: [NamespaceName: Int]
    private let patterns: [Int: Regex<AnyRegexOutput>]

    /// Takes the settings of all namespaces.
    ///
    /// Patterns were checked with the configuration; one that does not compile here matches nothing.
    package init(_ settings: ChannelSettings) {
        self.settings = settings
        var indexByName: [NamespaceName: Int] = [:]
        var patterns: [Int: Regex<AnyRegexOutput>] = [:]
        for (index, namespace) in settings.namespaces.enumerated() {
            indexByName[namespace.name] = index
            if !namespace.options.channelRegex.isEmpty {
                patterns[index] = ChannelRules.pattern(namespace.options.channelRegex)
            }
        }
        if !settings.withoutNamespace.channelRegex.isEmpty {
            patterns[-1] = ChannelRules.pattern(settings.withoutNamespace.channelRegex)
        }
        self.indexByName = indexByName
        self.patterns = patterns
    }

    /// Compiles a pattern that matches scalars, not characters.
    ///
    /// Characters that are canonically equivalent would be one to a pattern.
    private static func pattern(_ source: String) -> Regex<AnyRegexOutput> {
        ((try? Regex(source)) ?? Regex(/(?!)/)).matchingSemantics(.unicodeScalar)
    }

    /// The options of `channel`.
    ///
    /// - Throws: 107 for a name that is too long or does not match, 102 for an unknown namespace.
    package func resolve(_ channel: ChannelName) throws(ReplyError) -> Resolved {
        guard !channel.isEmpty, channel.utf8.count <= settings.maxLength else { throw .badRequest }
        let (namespace, rest) = split(channel)
        let index: Int
        if let namespace {
            guard let found = indexByName[namespace] else { throw .unknownChannel }
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

    /// The namespace that the name of a channel begins with.
    ///
    /// -1: the name has none, or one that is not known.
    package func namespace(of channel: ChannelName) -> Int {
        split(channel).namespace.flatMap { indexByName[$0] } ?? -1
    }

    package func isPrivate(_ channel: ChannelName) -> Bool {
        !settings.privatePrefix.isEmpty && channel.utf8.starts(with: settings.privatePrefix.utf8)
    }

    /// The users that a channel's name lists (`room#42,43`); nil when it lists none.
    package func listedUsers(_ channel: ChannelName) -> [UserID]? {
        guard let start = channel.utf8.range(of: settings.userBoundary) else { return nil }
        var rest = channel.utf8[start.upperBound...]
        var users: [UserID] = []
        while let separator = rest.range(of: settings.userSeparator) {
            users.append(UserID(decoding: rest[..<separator.lowerBound]))
            rest = rest[separator.upperBound...]
        }
        users.append(UserID(decoding: rest))
        return users
    }

    /// The personal channel of a user: `#user`, or `namespace:#user`.
    ///
    /// nil: there is none, since with this id in it the name would list others (`#a,b` is open to `a` and to `b`), be
    /// of another namespace, be too long or match no pattern.
    package func personalChannel(user: UserID, namespace: NamespaceName) -> ChannelName? {
        let name = settings.userBoundary + user.text
        let channel = ChannelName(namespace.isEmpty ? name : namespace.text + settings.namespaceBoundary + name)
        guard listedUsers(channel) == [user], split(channel).namespace ?? "" == namespace else { return nil }
        do {
            _ = try resolve(channel)
        } catch .badRequest {
            return nil
        } catch {
            // That the namespace is unknown is no fault of the user's: the connect says so.
        }
        return channel
    }

    /// Splits a channel's name into its namespace and the rest.
    ///
    /// A private channel's prefix stands before the namespace and does not belong to it.
    private func split(_ channel: ChannelName) -> (namespace: NamespaceName?, rest: Substring) {
        var name = channel.utf8[...]
        if isPrivate(channel) { name = name.dropFirst(settings.privatePrefix.utf8.count) }
        guard let range = name.range(of: settings.namespaceBoundary) else {
            return (nil, Substring(name))
        }
        return (NamespaceName(decoding: name[..<range.lowerBound]), Substring(name[range.upperBound...]))
    }
}

extension Collection<UInt8> {
    /// The first occurrence of `needle`; nil also for "".
    func range(of needle: String) -> Range<Index>? {
        guard let first = needle.utf8.first else { return nil }
        var start = startIndex
        while let found = self[start...].firstIndex(of: first) {
            if self[found...].starts(with: needle.utf8) {
                return found..<index(found, offsetBy: needle.utf8.count)
            }
            start = index(after: found)
        }
        return nil
    }
}
