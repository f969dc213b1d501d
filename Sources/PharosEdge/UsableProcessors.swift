import CPharosSys

/// How many processors this process may use.
///
/// In most containers they are fewer than the machine has.
///
/// Shards beyond that number do not run at the same time. They take each other's processor away instead, in the midst of
/// a turn, and what one of them owes the others waits for that long.
package struct UsableProcessors: Equatable, Sendable {
    package let online: Int
    /// By the process' affinity, which control groups set as well (cpuset).
    package let allowed: Int
    /// Processors' worth of time by the quotas of the control groups; nil: no quota.
    package let quota: Double?

    package init(online: Int, allowed: Int, quota: Double? = nil) {
        self.online = max(online, 1)
        self.allowed = max(allowed, 1)
        self.quota = quota
    }

    package var count: Int {
        let most = min(online, allowed)
        guard let quota, quota < Double(most) else { return most }
        return max(Int(quota.rounded(.up)), 1)
    }

    /// The number, and where it is not the machine's, the reason.
    package var text: String {
        guard count < online else { return "\(count)" }
        guard let quota, quota < Double(allowed) else { return "\(count) of \(online), by this process' affinity" }
        let hundredths = Int((quota * 100).rounded())
        let fraction = hundredths % 100 == 0 ? "" : (hundredths % 100 < 10 ? ".0" : ".") + "\(hundredths % 100)"
        return "\(count) of \(online), by the control group's quota of \(hundredths / 100)\(fraction)"
    }

    /// Of this process, now.
    package static func current() -> UsableProcessors {
        UsableProcessors(
            online: Int(pharos_online_processors()), allowed: Int(pharos_allowed_processors()),
            quota: CPUQuota.processors(groups: file("/proc/self/cgroup") ?? "", read: file))
    }

    private static func file(_ path: String) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16_384) { bytes in
            let count = pharos_read_file(path, bytes.baseAddress!, bytes.count)
            guard count >= 0 else { return nil }
            return String(
                decoding: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count]), as: UTF8.self)
        }
    }
}

/// The limits of processor time that control groups set, version 1 and 2.
enum CPUQuota {
    private static let root = "/sys/fs/cgroup"

    /// The least quota of the process' groups and all those above them.
    ///
    /// It is in processors; nil: there is none.
    ///
    /// - Parameters:
    ///   - groups: the text of `/proc/self/cgroup`.
    ///   - read: the text of a file; nil: there is no such file.
    static func processors(groups: String, read: (String) -> String?) -> Double? {
        var least: Double?
        func note(_ quota: Double?) {
            if let quota { least = min(least ?? quota, quota) }
        }
        for line in groups.split(whereSeparator: \.isNewline) {
            // number:controllers:path
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            if parts[0] == "0", parts[1].isEmpty {
                for mount in [root, "\(root)/unified"] {
                    for path in upwards(parts[2]) { note(read("\(mount)\(path)/cpu.max").flatMap(ofVersion2)) }
                }
            } else if parts[1].split(separator: ",").contains("cpu") {
                // The controllers' name is that of the mount, in one order or the other; `cpu` alone is a link to it.
                for mount in Set([String(parts[1]), "cpu", "cpu,cpuacct"]).sorted() {
                    for path in upwards(parts[2]) {
                        let group = "\(root)/\(mount)\(path)"
                        note(
                            ofVersion1(
                                quota: read("\(group)/cpu.cfs_quota_us"), period: read("\(group)/cpu.cfs_period_us")))
                    }
                }
            }
        }
        return least
    }

    /// The path and all those above it: `/a/b`, `/a` and the root.
    ///
    /// Within a container only the last may be there, and it is then the container's own.
    private static func upwards(_ path: Substring) -> [String] {
        var names = path.split(separator: "/")
        // A path outside of the container's own view.
        if names.contains("..") { names = [] }
        var paths: [String] = []
        while !names.isEmpty {
            paths.append(names.map { "/\($0)" }.joined())
            names.removeLast()
        }
        return paths + [""]
    }

    /// `max 100000` or `150000 100000`: the quota and the period, in microseconds.
    private static func ofVersion2(_ text: String) -> Double? {
        let parts = text.split(whereSeparator: \.isWhitespace)
        guard parts.count == 2 else { return nil }
        return ratio(parts[0], parts[1])
    }

    /// -1: no quota.
    private static func ofVersion1(quota: String?, period: String?) -> Double? {
        guard let quota = quota?.split(whereSeparator: \.isWhitespace).first,
            let period = period?.split(whereSeparator: \.isWhitespace).first
        else { return nil }
        return ratio(quota, period)
    }

    private static func ratio(_ quota: Substring, _ period: Substring) -> Double? {
        guard let quota = Int(quota), let period = Int(period), quota > 0, period > 0 else { return nil }
        return Double(quota) / Double(period)
    }
}
