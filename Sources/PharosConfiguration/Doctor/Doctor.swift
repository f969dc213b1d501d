import PharosDomain

/// Judges whether this machine lets the server do what its configuration says.
package enum Doctor {
    package enum Severity: String, Equatable, Sendable {
        case fine = "ok"
        case advice
        /// Must be fixed.
        ///
        /// The server would not start, or not hold the load it is configured for.
        case broken = "fix"
    }

    package struct Finding: Equatable, Sendable {
        package var severity: Severity
        package var subject: String
        package var message: String
        /// The remedy; "" where there is none to apply.
        package var remedy: String

        package init(severity: Severity, subject: String, message: String, remedy: String = "") {
            self.severity = severity
            self.subject = subject
            self.message = message
            self.remedy = remedy
        }

        package var text: String {
            let name = severity.rawValue
            let head = "\(name)\(String(repeating: " ", count: max(0, 7 - name.count)))\(subject): \(message)"
            return remedy.isEmpty ? head : head + "\n       " + remedy
        }
    }

    /// All findings, in a fixed order. `configuration` is nil if it did not load.
    package static func examine(_ facts: SystemFacts, _ configuration: PharosConfiguration?) -> [Finding] {
        let edge = configuration?.settings.edge
        return [
            openFiles(facts, connectionLimit: configuration?.settings.client.connectionLimit ?? 0),
            backlog(facts, wanted: edge?.backlog ?? 4096),
        ] + facts.ports.map { port($0, facts) } + store(facts) + facts.origins.map(origin) + told(configuration) + [
            clock(facts), memory(facts), shards(facts, wanted: edge?.shards ?? 0),
        ]
    }

    /// The ports that a configuration wants; none if it did not load.
    package static func ports(of configuration: PharosConfiguration?) -> [(key: String, address: String, number: Int)] {
        guard let edge = configuration?.settings.edge else { return [] }
        let plain = (key: "http_server.port", address: edge.address, number: edge.port)
        guard let tls = edge.tls else { return [plain] }
        return [plain, (key: "http_server.tls.port", address: edge.address, number: tls.port)]
    }

    /// Where the origins are; none if the configuration did not load.
    package static func origins(of configuration: PharosConfiguration?) -> [(name: String, host: String, port: Int)] {
        configuration?.settings.hooks.origins.compactMap { origin in
            OriginAddress.endpoint(of: origin.url).map { (name: origin.name.text, host: $0.host, port: $0.port) }
        } ?? []
    }

    /// Descriptors the server needs for itself, besides one per connection.
    private static let ownDescriptors = 100

    private static func openFiles(_ facts: SystemFacts, connectionLimit: Int) -> Finding {
        let subject = "open files"
        let connections = max(0, facts.openFilesHard - ownDescriptors)
        let limits = "limit \(facts.openFilesSoft), may be raised to \(facts.openFilesHard)"
        if facts.openFilesHard < 1024 {
            return Finding(
                severity: .broken, subject: subject, message: "\(limits): too few for a server",
                remedy:
                    "Raise the hard limit: LimitNOFILE= in the systemd unit, or nofile in /etc/security/limits.conf.")
        }
        if connectionLimit > connections {
            return Finding(
                severity: .broken, subject: subject,
                message: "\(limits): not enough for client.connection_limit, \(connectionLimit)",
                remedy: "Raise the hard limit to \(connectionLimit + ownDescriptors) or more, or lower the setting.")
        }
        if facts.openFilesHard < 65_536 {
            return Finding(
                severity: .advice, subject: subject,
                message: "\(limits): about \(connections) connections",
                remedy: "For more, raise the hard limit: LimitNOFILE=1048576 in the systemd unit.")
        }
        return Finding(severity: .fine, subject: subject, message: "\(limits): about \(connections) connections")
    }

    private static func backlog(_ facts: SystemFacts, wanted: Int) -> Finding {
        let subject = "net.core.somaxconn"
        guard let limit = facts.acceptBacklogLimit else {
            return Finding(severity: .advice, subject: subject, message: "not readable")
        }
        if limit < wanted {
            return Finding(
                severity: .advice, subject: subject,
                message: "\(limit) is less than edge.backlog, \(wanted): the kernel keeps fewer waiting connections",
                remedy: "sysctl -w net.core.somaxconn=\(wanted), or lower edge.backlog.")
        }
        return Finding(severity: .fine, subject: subject, message: "\(limit), enough for edge.backlog, \(wanted)")
    }

    private static func port(_ port: SystemFacts.Port, _ facts: SystemFacts) -> Finding {
        let subject = port.key
        let address = "\(port.address) port \(port.number)"
        switch port.state {
        case .free:
            return Finding(severity: .fine, subject: subject, message: "\(address) is free")
        case .taken(let owner):
            let owner = owner ?? "a process that this user may not see"
            if let running = taken(port, address, by: owner, facts) { return running }
            return Finding(
                severity: .broken, subject: subject, message: "\(address) is taken by \(owner)",
                remedy: "Stop that process, or choose another port with \(port.key).")
        case .refused(let reason):
            return Finding(
                severity: .broken, subject: subject, message: "\(address): \(reason)",
                remedy: port.number < 1024
                    ? "Choose a port from 1024 on, or give the process CAP_NET_BIND_SERVICE."
                    : "Check http_server.address: it must be an address of this machine.")
        }
    }

    private static func clock(_ facts: SystemFacts) -> Finding {
        let subject = "clock"
        if facts.now < releaseTime {
            return Finding(
                severity: .broken, subject: subject,
                message: "it is earlier than this version of Pharos: tokens would not be judged rightly",
                remedy: "Set the time, best by an NTP service such as systemd-timesyncd or chrony.")
        }
        if !facts.isClockMonotonic {
            return Finding(
                severity: .broken, subject: subject, message: "the monotonic clock goes backwards",
                remedy: "Look at /sys/devices/system/clocksource: the machine needs another clock source.")
        }
        return Finding(severity: .fine, subject: subject, message: "plausible, and the monotonic clock is in order")
    }

    /// 2025-01-01, before the first release, in seconds since 1970.
    private static let releaseTime: Int64 = 1_735_689_600

    private static func memory(_ facts: SystemFacts) -> Finding {
        let subject = "memory"
        let usable = [facts.memoryAvailable, facts.memoryLimit].compactMap { $0 }.min()
        guard let usable else { return Finding(severity: .advice, subject: subject, message: "not readable") }
        var text = "\(mebibytes(usable)) MiB usable"
        if let total = facts.memoryTotal { text += " of \(mebibytes(total)) MiB" }
        if let limit = facts.memoryLimit { text += ", control group allows \(mebibytes(limit)) MiB" }
        if usable < 128 << 20 {
            return Finding(
                severity: .advice, subject: subject, message: text,
                remedy: "Connections need about 5 KiB each with the kernel's part: give the server 128 MiB or more.")
        }
        return Finding(severity: .fine, subject: subject, message: text)
    }

    private static func shards(_ facts: SystemFacts, wanted: Int) -> Finding {
        let subject = "edge.shards"
        let usable = "usable processors: " + (facts.coresText.isEmpty ? "\(facts.cores)" : facts.coresText)
        if wanted > facts.cores {
            return Finding(
                severity: .advice, subject: subject, message: "\(wanted) threads for \(usable)",
                remedy: "Threads beyond the processors wait for each other: set 0 for one per usable processor.")
        }
        let count = wanted == 0 ? facts.cores : wanted
        return Finding(severity: .fine, subject: subject, message: "\(count) threads for \(usable)")
    }

    static func mebibytes(_ bytes: UInt64) -> UInt64 { bytes >> 20 }
}
