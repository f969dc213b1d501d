/// Variables that a container platform made for a Service.
///
/// They have their names from the Service, and are no settings.
///
/// Kubernetes sets variables for the Services around each container: one called `pharos-http` becomes `PHAROS_HTTP_PORT`,
/// `PHAROS_HTTP_SERVICE_HOST` and so on. Their names may even be those of settings, as with a Service called
/// `pharos-http-server`. What is plainly such a variable, by its name and by its value, is passed over; all others count.
struct ServiceLinks {
    /// Names of variables.
    let variables: Set<String>
    /// One for each Service.
    let lines: [String]

    /// - Parameter prefix: beginning of the variables that would be settings otherwise.
    init(_ environment: [String: String], prefix: String = ConfigurationSchema.variablePrefix) {
        var links: [String: [String]] = [:]
        let own = environment.filter { $0.key.hasPrefix(prefix) }
        for (name, value) in own {
            guard let service = ServiceLinks.serviceAlone(name, value) else { continue }
            links[service, default: []].append(name)
        }
        // Numbers alone tell nothing: these count only beside others of the same Service.
        for (name, value) in own {
            guard let service = ServiceLinks.serviceByNumber(name, value), links[service] != nil else { continue }
            links[service]?.append(name)
        }
        variables = Set(links.values.joined())
        lines = links.sorted { $0.key < $1.key }.map { service, names in
            let names = names.sorted()
            let others = names.count > 3 ? " and \(names.count - 3) others" : ""
            return "passed over \(names.prefix(3).joined(separator: ", "))\(others): links of a Service called "
                + "\(ServiceLinks.name(of: service)); `enableServiceLinks: false` in the pod leaves them out"
        }
    }

    /// The Service of a variable that cannot be anything else; in capitals.
    private static func serviceAlone(_ name: String, _ value: String) -> String? {
        if let service = prefix(of: name, before: "_SERVICE_HOST") {
            return NetworkAddress.isAddress(value) ? service : nil
        }
        if let service = prefix(of: name, before: "_PORT"), isAddressOfPort(value) { return service }
        // PHAROS_PORT_8000_TCP, with _PROTO, _PORT or _ADDR at its end.
        var rest = name
        var kind = ""
        for end in ["_PROTO", "_PORT", "_ADDR"] {
            if let shorter = prefix(of: rest, before: end) { (rest, kind) = (shorter, end) }
        }
        guard let proto = protocols.first(where: { rest.hasSuffix("_\($0.uppercased())") }) else { return nil }
        rest = String(rest.dropLast(proto.count + 1))
        let digits = String(rest.reversed().prefix { $0.isASCII && $0.isNumber }.reversed())
        guard !digits.isEmpty, let service = prefix(of: rest, before: "_PORT_\(digits)") else { return nil }
        let fits =
            switch kind {
            case "_PROTO": value == proto
            case "_PORT": value == digits
            case "_ADDR": NetworkAddress.isAddress(value)
            default: isAddressOfPort(value)
            }
        return fits ? service : nil
    }

    /// `PHAROS_SERVICE_PORT` and `PHAROS_SERVICE_PORT_HTTP`.
    private static func serviceByNumber(_ name: String, _ value: String) -> String? {
        guard let port = Int(value), (1...65_535).contains(port), let range = name.firstRange(of: "_SERVICE_PORT"),
            range.upperBound == name.endIndex || name[range.upperBound] == "_"
        else { return nil }
        return String(name[..<range.lowerBound])
    }

    /// `tcp://10.0.0.1:8000`
    private static func isAddressOfPort(_ value: String) -> Bool {
        guard let proto = protocols.first(where: { value.hasPrefix("\($0)://") }) else { return false }
        let address = value.dropFirst(proto.count + 3)
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]) else {
            return false
        }
        let host = address[..<colon].filter { $0 != "[" && $0 != "]" }
        return (1...65_535).contains(port) && NetworkAddress.isAddress(String(host))
    }

    private static let protocols = ["tcp", "udp", "sctp"]

    private static func prefix(of name: String, before end: String) -> String? {
        name.hasSuffix(end) ? String(name.dropLast(end.count)) : nil
    }

    /// As Kubernetes spells it.
    private static func name(of service: String) -> String {
        String(service.lowercased().map { $0 == "_" ? "-" : $0 })
    }
}
