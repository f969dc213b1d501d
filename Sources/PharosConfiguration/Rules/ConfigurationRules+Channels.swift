import PharosDomain

extension ConfigurationRules {
    mutating func checkChannels() {
        checkMarks()
        checkOptions("channel.without_namespace", settings.channel.withoutNamespace)
        var seen: Set<NamespaceName> = []
        for (index, namespace) in settings.channel.namespaces.enumerated() {
            let section = "channel.namespaces[\(index)]"
            checkName(namespace.name, section, &seen)
            checkOptions(section, namespace.options)
        }
    }

    /// Checks the marks by which a channel's name is read.
    ///
    /// They are boundary, prefix and separators: none may be missing, and no two the same.
    private mutating func checkMarks() {
        let channel = settings.channel
        let marks = [
            ("channel.namespace_boundary", channel.namespaceBoundary),
            ("channel.private_prefix", channel.privatePrefix),
            ("channel.user_boundary", channel.userBoundary),
            ("channel.user_separator", channel.userSeparator),
        ]
        for (index, (key, mark)) in marks.enumerated() {
            if mark.isEmpty || mark.utf8.count > 16 { refuse(key, "must have 1 to 16 bytes") }
            if let (other, _) = marks[..<index].first(where: { $0.1.utf8.elementsEqual(mark.utf8) }), !mark.isEmpty {
                refuse(key, with: [other], "`\(mark)` is `\(other)` already")
            }
        }
    }

    private mutating func checkName(_ name: NamespaceName, _ section: String, _ seen: inout Set<NamespaceName>) {
        let key = "\(section).name"
        let isValid =
            (2...255).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
        if !isValid {
            let found = name.isEmpty ? "none" : "`\(name.text.prefix(80))`"
            refuse(key, with: [section], "expected at least two of letters, digits, `-`, `_`, `.`, found \(found)")
        } else if !seen.insert(name).inserted {
            refuse(key, "a second namespace `\(name)`")
        }
    }

    private mutating func checkOptions(_ section: String, _ options: ChannelOptions) {
        checkHistory(section, options)
        for type in options.allowedDeltaTypes where type != "fossil" {
            refuse("\(section).allowed_delta_types", "only `fossil` exists, found `\(type.text.prefix(80))`")
        }
        checkPattern("\(section).channel_regex", options.channelRegex)
        checkDurability(section, options)
        checkConflation(section, options)
    }

    private mutating func checkDurability(_ section: String, _ options: ChannelOptions) {
        guard options.durability == .disk, options.hasHistory, settings.store.path.isEmpty else { return }
        let reason = development ? ", which is empty with --dev unless it is given" : ", a directory"
        refuse("\(section).durability", with: ["store.path"], "`disk` needs `store.path`\(reason)")
    }

    private mutating func checkConflation(_ section: String, _ options: ChannelOptions) {
        let policy = "\(section).slow_reader", tag = "\(section).conflation_tag"
        if options.slowReader == .conflate, options.conflationTag.isEmpty {
            refuse(policy, with: [tag], "`conflate` needs `\(tag)`, the tag whose value says what is about the same")
        } else if options.slowReader != .conflate, !options.conflationTag.isEmpty {
            refuse(tag, with: [policy], "has a meaning only with `conflate` as `\(policy)`")
        }
    }

    private mutating func checkHistory(_ section: String, _ options: ChannelOptions) {
        let size = "\(section).history_size", ttl = "\(section).history_ttl"
        if (options.historySize > 0) != (options.historyTTL > 0) {
            let (given, missing) = options.historySize > 0 ? (size, ttl) : (ttl, size)
            refuse(given, with: [missing], "`\(missing)` must be given too: history needs both, or neither")
        }
        // A top that is forgotten before its publications would begin again at lower offsets.
        let own = options.historyMetaTTL > 0
        let metaTTL = own ? options.historyMetaTTL : settings.channel.historyMetaTTL
        let meta = own ? "\(section).history_meta_ttl" : "channel.history_meta_ttl"
        if metaTTL < options.historyTTL {
            let (short, long) = (DurationText.text(Double(metaTTL)), DurationText.text(Double(options.historyTTL)))
            refuse(meta, with: [ttl], "\(short) must not be shorter than `\(ttl)`, \(long)")
        }
        let dependents = [
            ("force_recovery", options.forceRecovery), ("allow_recovery", options.allowRecovery),
            ("allowed_delta_types", !options.allowedDeltaTypes.isEmpty), ("delta_publish", options.deltaPublish),
            ("durability", options.durability == .disk),
        ]
        if !options.hasHistory {
            for (name, isOn) in dependents where isOn {
                refuse("\(section).\(name)", with: [size, ttl], "needs history: `\(size)` and `\(ttl)`")
            }
        }
        if options.autoCacheRecover, !options.forceRecovery || options.recoveryMode != .cache {
            let recovery = "\(section).force_recovery", mode = "\(section).force_recovery_mode"
            refuse(
                "\(section).auto_cache_recover", with: [recovery, mode],
                "needs `\(recovery)` and `cache` as `\(mode)`")
        }
    }
}
