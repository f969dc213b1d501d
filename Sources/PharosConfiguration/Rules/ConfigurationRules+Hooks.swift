import PharosDomain

extension ConfigurationRules {
    /// A use of an origin, which decides the forms that it may have.
    private enum Use {
        case handshake, question, told, raw

        var forms: [OriginSettings.Form] {
            switch self {
            case .handshake: [.proxy, .cloudEvents, .authorize]
            case .question, .told: [.proxy, .cloudEvents]
            case .raw: [.proxy, .cloudEvents, .webSocketService]
            }
        }
    }

    mutating func checkHooks() {
        checkOrigins()
        checkUses()
        checkRawPaths()
        checkTold()
        let address = settings.hooks.nodeAddress
        if address.utf8.count > 255 || !address.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) {
            refuse("hooks.node_address", "expected at most 255 printable characters, such as 10.0.0.7:8000")
        }
    }

    private mutating func checkUses() {
        let hooks = settings.hooks
        checkUse("hooks.handshake", hooks.handshake, .handshake)
        for (key, name) in [
            ("hooks.connect", hooks.connect), ("hooks.refresh", hooks.refresh), ("hooks.message", hooks.message),
        ] {
            checkUse(key, name, .question)
        }
        var prefixes: Set<MethodName> = []
        for (index, rule) in hooks.rpc.enumerated() {
            let section = "hooks.rpc[\(index)]"
            if rule.origin.isEmpty {
                refuse("\(section).origin", with: [section], "name the origin that answers these calls")
            }
            checkUse("\(section).origin", rule.origin, .question)
            if !prefixes.insert(rule.prefix).inserted {
                refuse("\(section).prefix", with: [section], "a second rule for `\(rule.prefix.text.prefix(80))`")
            }
        }
        let channel = settings.channel
        let sections =
            [("channel.without_namespace", channel.withoutNamespace)]
            + channel.namespaces.enumerated().map { ("channel.namespaces[\($0)]", $1.options) }
        for (section, options) in sections {
            checkUse("\(section).subscribe_proxy_name", options.subscribeHook, .question)
            checkUse("\(section).publish_proxy_name", options.publishHook, .question)
            checkUse("\(section).sub_refresh_proxy_name", options.subRefreshHook, .question)
        }
    }

    private mutating func checkUse(_ key: String, _ name: OriginName, _ use: Use) {
        guard !name.isEmpty else { return }
        let origins = settings.hooks.origins
        guard let index = origins.firstIndex(where: { $0.name == name }) else {
            // A name that could not be read is a problem of its own already.
            let names = origins.indices.flatMap { ["origins[\($0)]", "origins[\($0)].name"] }
            let meant = Suggestion.closest(to: name.text, among: origins.map(\.name.text))
            let hint = meant.map { ": did you mean `\($0)`?" } ?? ""
            refuse(key, with: ["origins"] + names, "no origin `\(name.text.prefix(80))` in `origins`\(hint)")
            return
        }
        let form = origins[index].form
        guard !use.forms.contains(form) else { return }
        let usable = use.forms.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        refuse(
            key, with: ["origins[\(index)].form"],
            "`\(name)` has the form `\(form.rawValue)`, which is not for this; it may be \(usable)")
    }

    private mutating func checkTold() {
        let hooks = settings.hooks
        checkUse("hooks.events_to", hooks.eventsTo, .told)
        let alive = "hooks.keep_alive_interval"
        if !hooks.events.isEmpty, hooks.eventsTo.isEmpty {
            refuse("hooks.events", with: ["hooks.events_to"], "needs `hooks.events_to`, the origin that is told")
        }
        if hooks.events.isEmpty, hooks.keepAliveInterval == 0, !hooks.eventsTo.isEmpty {
            refuse(
                "hooks.events_to", with: ["hooks.events", alive],
                "has a meaning only with `hooks.events` or `\(alive)`")
        }
        if hooks.keepAliveInterval > 0, hooks.eventsTo.isEmpty, !hooks.raw.contains(where: { !$0.origin.isEmpty }) {
            refuse(
                alive, with: ["hooks.events_to", "raw"], "needs `hooks.events_to`, or a path of `raw` with an origin")
        }
    }

    private mutating func checkRawPaths() {
        var seen: Set<String> = []
        for (index, raw) in settings.hooks.raw.enumerated() {
            let section = "raw[\(index)]"
            checkPath(raw.path, section, &seen)
            checkUse("\(section).origin", raw.origin, .raw)
            checkUse("\(section).handshake", raw.handshake, .handshake)
            if raw.handshake.isEmpty, !raw.open {
                refuse(
                    "\(section).open", with: [section, "\(section).handshake"],
                    "say who may connect: `handshake` names the origin that decides, or `open: true` lets everybody in")
            } else if !raw.handshake.isEmpty, raw.open {
                refuse(
                    "\(section).open", with: [section, "\(section).handshake"],
                    "`handshake` decides already: leave one of the two out")
            }
            for name in raw.subprotocols where name.isEmpty || !name.utf8.allSatisfy(Self.isTokenByte) {
                refuse("\(section).subprotocols", "not the name of a subprotocol: `\(name.prefix(80))`")
            }
        }
    }

    private mutating func checkPath(_ path: String, _ section: String, _ seen: inout Set<String>) {
        let key = "\(section).path"
        guard path.first == "/", path.utf8.count <= 1000, path.utf8.allSatisfy(Self.isPathByte) else {
            refuse(key, with: [section], "expected a path that begins with `/`, such as `/chat`, without `?` and `#`")
            return
        }
        if ServedPaths.contains(path) {
            refuse(key, with: [section], "`\(path)` is a path of Pharos' own; choose another")
        } else if !seen.insert(path).inserted {
            refuse(key, with: [section], "`\(path)` a second time")
        }
    }

    private static func isPathByte(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
    }
}

/// The paths that Pharos answers itself.
///
/// They count whichever of them are open: opening one later must not take a path away.
enum ServedPaths {
    private static let whole: Set<String> = [
        "/", "/emulation", "/events", "/poll", "/api", "/sr", "/health", "/metrics", "/openapi.json", "/pharos.js",
        "/pharos.min.js", "/pharos.d.ts", "/pharos-protobuf.js", "/pharos-protobuf.d.ts", "/demo.js", "/demo.css",
        "/demo.json",
    ]
    private static let below = ["/connection", "/api", "/health", "/@connections"]

    static func contains(_ path: String) -> Bool {
        whole.contains(path) || below.contains { path == $0 || path.hasPrefix($0 + "/") }
    }
}
