import Glibc

extension SystemFacts {
    /// Reads the facts of this machine.
    ///
    /// Opens each wanted port for a moment to see whether it is free.
    ///
    /// - Parameters:
    ///   - ports: the ports to try; their state is not looked at.
    ///   - origins: the origins to connect to.
    ///   - store: the directory to look at.
    package static func read(
        ports: [(key: String, address: String, number: Int)], origins: [(name: String, host: String, port: Int)] = [],
        store: (path: String, databases: [(database: String, lock: String)])? = nil
    ) -> SystemFacts {
        var facts = SystemFacts()
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            facts.openFilesSoft = Int(clamping: limit.rlim_cur)
            facts.openFilesHard = Int(clamping: limit.rlim_max)
        }
        facts.acceptBacklogLimit = number("/proc/sys/net/core/somaxconn").map { Int(clamping: $0) }
        facts.ports = ports.map { port in
            var found = Port(
                key: port.key, address: port.address, number: port.number,
                state: PortProbe.state(address: port.address, port: port.number))
            // Without a word from TLS: that port is judged by who listens on it.
            if case .taken = found.state, port.key == "http_server.port" {
                found.health = RunningServer.health(address: port.address, port: port.number)
            }
            return found
        }
        facts.store = store.map { StoreProbe.look($0.path, $0.databases) }
        facts.origins = origins.map { origin in
            Origin(
                name: origin.name, host: origin.host, port: origin.port,
                failure: OriginProbe.failure(host: origin.host, port: origin.port))
        }
        facts.now = Int64(time(nil))
        facts.isClockMonotonic = monotonicNanoseconds() <= monotonicNanoseconds()
        facts.memoryTotal = memoryInfo("MemTotal:")
        facts.memoryAvailable = memoryInfo("MemAvailable:")
        facts.memoryLimit = number("/sys/fs/cgroup/memory.max") ?? number("/sys/fs/cgroup/memory/memory.limit_in_bytes")
        if let limit = facts.memoryLimit, let total = facts.memoryTotal, limit >= total { facts.memoryLimit = nil }
        return facts
    }

    private static func monotonicNanoseconds() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    /// The number that a file holds; nil also for `max`.
    private static func number(_ path: String) -> UInt64? {
        guard let text = try? TextFile.read(path) else { return nil }
        return UInt64(text.prefix { $0.isASCII && $0.isNumber })
    }

    /// Bytes of one line of `/proc/meminfo`, which counts in KiB.
    private static func memoryInfo(_ name: String) -> UInt64? {
        guard let text = try? TextFile.read("/proc/meminfo") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            let digits = line.dropFirst(name.count).drop { $0 == " " }.prefix { $0.isNumber }
            return UInt64(digits).map { $0 << 10 }
        }
        return nil
    }
}
