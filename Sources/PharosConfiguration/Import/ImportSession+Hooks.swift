/// Proxies: addresses of the application there, origins here.
extension ImportSession {
    mutating func translateHooks() {
        var origins = ImportedOrigins(self)
        translateNamedProxies(&origins)
        for (hook, base) in [("connect", "client.proxy.connect"), ("refresh", "client.proxy.refresh")] {
            translateHook(hook, base, &origins)
        }
        var sections = ["channel.without_namespace"]
        if case .list(let namespaces)? = source.tree["channel.namespaces"]?.content {
            sections += namespaces.indices.map { "channel.namespaces[\($0)]" }
        }
        for section in sections {
            for hook in ["subscribe", "publish", "sub_refresh"] { translateOption(hook, section, &origins) }
        }
        translateRPC(&origins)
        for (base, _) in ImportTable.unnamedProxies + [(ImportTable.commonProxy, "")] {
            for key in keys(below: base) {
                guard let value = value(key) else { continue }
                let isUsed = base == ImportTable.commonProxy ? origins.isAnyMade : origins.isMade(base)
                isUsed ? settleUsed(value) : settleUnused(value)
            }
        }
    }

    /// A key of an address that is used.
    private mutating func settleUsed(_ value: ImportedValue) {
        guard case .translated(let target)? = ImportTable.rule(value.pattern)?.fate else { return settle(value) }
        _ = take(value.key)
        report.add(.translated, value.written, "-> \(target)")
    }

    private mutating func settleUnused(_ value: ImportedValue) {
        drop(value, value.key.hasSuffix(".enabled") ? "it is off" : "nothing is asked there")
    }

    private mutating func translateNamedProxies(_ origins: inout ImportedOrigins) {
        guard case .list(let items)? = source.tree["proxies"]?.content else { return }
        for index in items.indices {
            let base = "proxies[\(index)]"
            guard let name = text(base + ".name") else { continue }
            origins.addNamed(name, base, &self)
            for key in keys(below: base) {
                guard let value = value(key) else { continue }
                origins.named(name) == nil ? settleUnused(value) : settleUsed(value)
            }
        }
    }

    /// Whether names alone turn a hook on, as in version 5's granular mode.
    private var isGranular: Bool { flag("granular_proxy_mode") }

    private mutating func translateHook(_ hook: String, _ base: String, _ origins: inout ImportedOrigins) {
        if let granular = take("granular_proxy_mode") { report.add(.translated, granular.written, "-> origins") }
        let name = take("client.\(hook)_proxy_name")
        if let name, let text = name.text, !text.isEmpty {
            guard let origin = origins.named(text) else {
                return refuse(name, nearest: "an entry of `proxies` with that name")
            }
            move(name, to: "hooks.\(hook)", name.replaced(by: origin))
            return
        }
        if let name { drop(name, "it is empty") }
        let isOn = flag(base + ".enabled") || source.isFlat && !isGiven(base + ".enabled") && !isGranular
        guard isOn else { return }
        guard text(base + ".endpoint") != nil, let value = value(base + ".endpoint") else {
            if let enabled = take(base + ".enabled") {
                refuse(enabled, nearest: "name the origin in `hooks.\(hook)`; there is no `\(base).endpoint`")
            }
            return
        }
        guard let origin = origins.unnamed(base, hook, &self) else { return }
        result.put("hooks.\(hook)", value.replaced(by: origin), from: value.origin, replacing: false)
        if let enabled = take(base + ".enabled") { report.add(.translated, enabled.written, "-> hooks.\(hook)") }
    }

    private mutating func translateOption(_ hook: String, _ section: String, _ origins: inout ImportedOrigins) {
        let enabled = take("\(section).\(hook)_proxy_enabled"), name = take("\(section).\(hook)_proxy_name")
        let target = "\(section).\(hook)_proxy_name"
        // In a file of ours a name alone turns the hook on.
        let byName = enabled == nil && (purpose == .start && !source.isFlat || source.isFlat && isGranular)
        let isOn = enabled.map { !$0.isIdle([]) } ?? (byName && name?.text?.isEmpty == false)
        guard isOn, let given = name ?? enabled else {
            if let enabled { drop(enabled, "it is off") }
            if let name { drop(name, "the hook is off: `\(hook)_proxy_enabled`") }
            return
        }
        let text = name?.text.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
        let isUnnamed = text == "default" && origins.named(text) == nil
        let origin = isUnnamed ? origins.unnamed("channel.proxy.\(hook)", hook, &self) : origins.named(text)
        if let origin {
            move(name ?? given, to: target, given.replaced(by: origin))
        } else if purpose == .start, text != "default" {
            // The name may be that of an origin of ours; else the rules say that there is none.
            result.put(target, given.replaced(by: text), from: given.origin)
        } else {
            refuse(
                given,
                nearest:
                    "name an origin in `\(hook)_proxy_name`; `\(text)` is none of `channel.proxy.\(hook)` and `proxies`"
            )
        }
        if let enabled, name != nil { report.add(.translated, enabled.written, "-> \(target)") }
    }

    // MARK: Remote calls

    private mutating func translateRPC(_ origins: inout ImportedOrigins) {
        let boundary = take("rpc.namespace_boundary")
        var rules: [(section: String, prefix: String)] = []
        if case .list(let namespaces)? = source.tree["rpc.namespaces"]?.content {
            rules = namespaces.indices.map { index in
                let section = "rpc.namespaces[\(index)]"
                return (section, (text(section + ".name") ?? "") + (boundary?.text ?? ":"))
            }
        }
        var count = 0
        if case .list(let own)? = source.tree["hooks.rpc"]?.content { count = own.count }
        for (section, prefix) in rules + [("rpc.without_namespace", "")] {
            let name = take(section + ".name"), enabled = take(section + ".proxy_enabled")
            let proxy = take(section + ".proxy_name")
            let byEndpoint = section == "rpc.without_namespace" && source.isFlat && text("rpc.proxy.endpoint") != nil
            let isOn = enabled.map { !$0.isIdle([]) } ?? (source.isFlat && proxy?.text?.isEmpty == false || byEndpoint)
            let given = [enabled, proxy, name].compactMap { $0 }
            guard isOn, let first = given.first ?? value("rpc.proxy.endpoint") else {
                for value in given { drop(value, "it is off") }
                continue
            }
            let text = proxy?.text.flatMap { $0.isEmpty ? nil : $0 } ?? "default"
            let isUnnamed = text == "default" && origins.named(text) == nil
            guard let origin = isUnnamed ? origins.unnamed("rpc.proxy", "rpc", &self) : origins.named(text) else {
                refuse(first, nearest: "an address for `\(text)`: there is none in `rpc.proxy` or `proxies`")
                continue
            }
            result.put("hooks.rpc[\(count)].prefix", first.replaced(by: prefix), from: first.origin)
            result.put("hooks.rpc[\(count)].origin", first.replaced(by: origin), from: first.origin)
            count += 1
            for value in given { report.add(.translated, value.written, "-> hooks.rpc[]") }
        }
        guard let boundary else { return }
        if count > 0 {
            report.add(.translated, boundary.written, "-> hooks.rpc[].prefix")
        } else {
            drop(boundary, "nothing uses it")
        }
    }
}
