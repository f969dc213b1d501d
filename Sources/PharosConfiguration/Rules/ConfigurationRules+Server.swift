import PharosDomain
import PharosProtocol

extension ConfigurationRules {
    mutating func checkListeners() {
        let address = settings.edge.address
        let key = "http_server.address"
        if address.isEmpty {
            refuse(key, "say `0.0.0.0` to listen on every interface")
        } else if !NetworkAddress.isAddress(address), address != "localhost" {
            refuse(key, "expected an IPv4 or IPv6 address or localhost, found `\(address.prefix(80))`")
        } else if development, !NetworkAddress.isLoopback(address) {
            refuse(
                key,
                "--dev lets everybody in and therefore listens on this machine only, at 127.0.0.1, and not on `\(address)`"
            )
        }
        if draft.tls.enabled, draft.tls.port == settings.edge.port, draft.tls.port != 0 {
            refuse(
                "http_server.tls.port", with: ["http_server.port"],
                "\(draft.tls.port) is `http_server.port` already; TLS has a port of its own")
        }
    }

    mutating func checkTLS() {
        let certificate = "http_server.tls.cert_pem_file", key = "http_server.tls.key_pem_file"
        let tls = draft.tls
        if tls.certificateFile.isEmpty != tls.keyFile.isEmpty {
            let (given, missing) = tls.keyFile.isEmpty ? (certificate, key) : (key, certificate)
            refuse(given, with: [missing], "`\(missing)` must be given too")
            return
        }
        guard tls.enabled else { return }
        if tls.certificateFile.isEmpty {
            refuse("http_server.tls.enabled", with: [certificate, key], "needs `\(certificate)` and `\(key)`")
            return
        }
        for (name, path) in [(certificate, tls.certificateFile), (key, tls.keyFile)]
        where !TextFile.isReadable(path) {
            refuse(name, "cannot read `\(path.prefix(200))`")
        }
    }

    mutating func checkAPI() {
        var seen: Set<KeyID> = draft.apiKey.isEmpty ? [] : [KeyID(draft.apiKey)]
        for (index, entry) in draft.apiKeys.enumerated() {
            let section = "http_api.keys[\(index)]"
            if entry.key.isEmpty {
                refuse("\(section).key", with: [section], "must not be empty")
            } else if !seen.insert(KeyID(entry.key)).inserted {
                refuse("\(section).key", "the same key a second time")
            }
            if entry.methods.isEmpty {
                refuse("\(section).methods", with: [section], "name at least one method, or `*` for all")
            }
            for method in entry.methods where method != "*" && !ServerAPI.names.contains(method) {
                let meant = Suggestion.closest(to: method.text, among: ServerAPI.names.map(\.text))
                let hint =
                    meant.map { ": did you mean `\($0)`?" }
                    ?? ", expected one of \(ServerAPI.names.map(\.text).joined(separator: ", "))"
                refuse("\(section).methods", "unknown method `\(method.text.prefix(80))`\(hint)")
            }
        }
    }

    mutating func checkStore() {
        let path = settings.store.path
        // The text behind a NUL would be lost on the way to the system.
        if path.utf8.contains(0) || path.utf8.count > 4_000 { refuse("store.path", "expected the path of a directory") }
    }

    mutating func checkEdge() {
        for proxy in settings.edge.trustedProxies where !NetworkAddress.isAddressOrBlock(proxy) {
            refuse("edge.trusted_proxies", "expected addresses or CIDR blocks, found `\(proxy.prefix(80))`")
        }
        let limit = settings.edge.outputLimit
        if limit > 0, limit < settings.client.queueMaxSize {
            refuse(
                "edge.output_limit", with: ["client.queue_max_size"],
                "\(limit) must not be less than `client.queue_max_size`, \(settings.client.queueMaxSize): one connection "
                    + "alone may have that much")
        }
        let name = settings.nodeName
        if name.isEmpty || name.utf8.count > 255 { refuse("node.name", "must have 1 to 255 bytes") }
        for endpoint in draft.configuration.endpoints.demoEndpoints
        where !(endpoint.hasPrefix("http://") || endpoint.hasPrefix("https://")) {
            refuse(
                "demo.endpoints",
                "expected addresses that begin with http:// or https://, found `\(endpoint.prefix(80))`")
        }
    }
}
