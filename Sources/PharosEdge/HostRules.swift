/// The names under which a server may be asked for, by the `Host` header.
///
/// They are those of this machine, and those that are listed.
///
/// A page may make a name of its own lead to this machine (DNS rebinding). Its requests are then of the page's own origin,
/// and nothing but the name in them shows that they are not meant for this server.
package struct HostRules: Sendable {
    private let names: [[UInt8]]
    private let allowsAll: Bool

    /// Takes the listed names.
    ///
    /// - Parameter names: without ports, IPv6 addresses in brackets; `*` stands for all.
    package init(names: [String]) {
        self.names = names.map { $0.utf8.map(FieldText.lowercased) }
        allowsAll = names.contains("*")
    }

    /// Decides about a request.
    ///
    /// One without the header, as HTTP/1.0 has it, comes from no browser.
    package func allows(_ head: RequestHead) -> Bool {
        guard !allowsAll, let host = head.header("host") else { return true }
        return head.headerCount("host") == 1 && allows(host)
    }

    /// - Parameter host: the value of the `Host` header.
    package func allows(_ host: UnsafeRawBufferPointer) -> Bool {
        if allowsAll || LoopbackName.isHost(host) { return true }
        guard let name = LoopbackName.withoutPort(host) else { return false }
        return names.contains { $0.count == name.count && zip($0, name).allSatisfy { $0 == FieldText.lowercased($1) } }
    }
}
