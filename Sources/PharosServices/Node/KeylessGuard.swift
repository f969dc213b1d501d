package import PharosDomain
package import PharosEdge

/// Keeps pages out of a server that asks for no key.
///
/// It is needed since in a browser everybody on the web reaches this machine. Where a key is asked for, that is the guard,
/// since no browser sends one by itself, and this lets everything pass.
package struct KeylessGuard: Sendable {
    private let guardsHosts: Bool
    private let guardsCalls: Bool
    private let hosts: HostRules
    /// Whose scripts may call the server API.
    private let pages: OriginRules

    package init(_ settings: ServerSettings) {
        let address = settings.edge.address
        let isLocal = address == "localhost" || address == "::1" || address.hasPrefix("127.")
        guardsCalls = settings.api.insecure
        guardsHosts = settings.api.insecure || settings.client.insecure && isLocal
        hosts = HostRules(names: settings.edge.allowedHosts + [address.contains(":") ? "[\(address)]" : address])
        // A glob says who may connect as a client; the server API is for those that are named in full.
        let named = settings.client.allowedOrigins.filter { !$0.contains("*") }
        pages = OriginRules(globs: named + [OriginRules.loopback])
    }

    /// The message that a request is refused with; nil: it may go on.
    ///
    /// Decided before anything else about the request.
    package func refusal(of head: RequestHead) -> StaticString? {
        guard guardsHosts else { return nil }
        // Probes ask by whatever address they know, and learn nothing but that the process works.
        if !hosts.allows(head), !head.path.starts(with: "/health".utf8) {
            return "this host name is not served without a key: http_server.allowed_hosts names those that are"
        }
        guard guardsCalls, APIPath(head.path) != nil || RawServicePath(head.path) != nil, !pages.allows(head) else {
            return nil
        }
        return "pages of this origin may not call a server API that needs no key"
    }
}
