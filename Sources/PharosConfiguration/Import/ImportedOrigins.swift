import PharosDomain

/// The origins that an import makes from the addresses of a document.
struct ImportedOrigins {
    /// Names of ours by those in `proxies`.
    private var names: [String: String] = [:]
    /// Names of ours by the sections of the addresses without a name.
    ///
    /// Empty: the address cannot be used.
    private var made: [String: String] = [:]
    private var taken: Set<String> = []
    private var count = 0

    var isAnyMade: Bool { !names.isEmpty || made.values.contains { !$0.isEmpty } }

    init(_ session: ImportSession) {
        guard case .list(let own)? = session.source.tree["origins"]?.content else { return }
        count = own.count
        for index in own.indices {
            guard let name = session.text("origins[\(index)].name") else { continue }
            taken.insert(name)
            names[name] = name
        }
    }

    func named(_ name: String) -> String? { names[name] }

    func isMade(_ base: String) -> Bool { made[base]?.isEmpty == false }

    mutating func addNamed(_ name: String, _ base: String, _ session: inout ImportSession) {
        let own = free(name)
        if add(own, base, &session) { names[name] = own }
    }

    /// The origin of an address without a name, made when it is first needed.
    mutating func unnamed(_ base: String, _ name: String, _ session: inout ImportSession) -> String? {
        if let known = made[base] { return known.isEmpty ? nil : known }
        let own = free(name)
        made[base] = add(own, base, &session) ? own : ""
        return made[base] == "" ? nil : own
    }

    /// A name that no other origin has, of the letters that names may have.
    private mutating func free(_ name: String) -> String {
        let base = String(
            name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0)) ? $0 : "_" }.prefix(56))
        var own = base
        var number = 2
        while !taken.insert(own).inserted {
            own = "\(base)-\(number)"
            number += 1
        }
        return own
    }

    private mutating func add(_ name: String, _ base: String, _ session: inout ImportSession) -> Bool {
        guard let endpoint = session.value(base + ".endpoint"), let url = endpoint.text, !url.isEmpty else {
            if let named = session.value(base + ".name") { session.refuse(named, nearest: "give it an `endpoint`") }
            return false
        }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            session.refuse(
                endpoint, nearest: "the same questions over HTTP: an address that begins with http:// or https://")
            return false
        }
        let path = "origins[\(count)]"
        count += 1
        session.result.put(path + ".name", endpoint.replaced(by: name), from: endpoint.origin)
        session.result.put(path + ".url", endpoint.node, from: endpoint.origin)
        if let timeout = session.value(base + ".timeout") {
            session.result.put(path + ".timeout", timeout.node, from: timeout.origin)
        }
        let sources = base.hasPrefix("proxies") ? [base] : [base, ImportTable.commonProxy]
        for name in ["binary_encoding", "include_connection_meta", "emulated_headers", "http.static_headers"] {
            guard let value = session.value(name, below: sources) else { continue }
            if value.isIdle([]) { continue }
            let target = name == "http.static_headers" ? "static_headers" : name
            session.result.put("\(path).\(target)", value.node, from: value.origin)
        }
        if let headers = session.value("http_headers", below: sources) {
            addHeaders(headers, path, name, &session)
        }
        for name in ["server_ca_pem", "server_ca_pem_file"] {
            if let authority = session.value("\(base).http.tls.\(name)"), !authority.isIdle([]) {
                session.translatePEM(authority, to: path + ".ca_file")
            }
        }
        return true
    }

    private func addHeaders(_ headers: ImportedValue, _ path: String, _ name: String, _ session: inout ImportSession) {
        let refused = headers.texts.filter { ConfigurationRules.isOwnHeader(FieldName($0)) }
        let passed = headers.texts.filter { header in
            !refused.contains(header) && header.lowercased() != "cookie"
        }
        if !passed.isEmpty {
            session.result.put(path + ".http_headers", headers.replaced(by: passed), from: headers.origin)
        }
        if passed.count + refused.count < headers.texts.count {
            session.report.note(
                "the origin `\(name)` got the header `Cookie`; Pharos passes on single cookies: name them in its `http_cookies`"
            )
        }
        if !refused.isEmpty {
            session.report.note(
                "the origin `\(name)` does not get \(refused.map { "`\($0.prefix(80))`" }.joined(separator: ", ")): such headers "
                    + "belong to the request itself")
        }
    }
}
