import Glibc

/// The server's process and its children, as `/proc` shows them.
struct BenchProcess {
    struct Reading: Equatable, Sendable {
        /// User and system time since the processes began, in seconds.
        ///
        /// It comes in steps of 10 ms.
        var processorSeconds = 0.0
        /// Proportional set size: shared pages count by their share.
        var proportionalBytes: UInt64 = 0
        var residentBytes: UInt64 = 0
    }

    let processID: Int32

    init(processID: Int32) {
        self.processID = processID
    }

    /// Nil when the process has ended.
    func read() -> Reading? {
        guard Self.file("/proc/\(processID)/stat") != nil else { return nil }
        var reading = Reading()
        for process in family() {
            if let stat = Self.file("/proc/\(process)/stat").flatMap({ Self.parseStat($0) }) {
                reading.processorSeconds += Double(stat.ticks) / Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
            }
            if let memory = Self.file("/proc/\(process)/smaps_rollup") {
                reading.proportionalBytes += Self.parseKilobytes("Pss:", memory) * 1024
                reading.residentBytes += Self.parseKilobytes("Rss:", memory) * 1024
            }
        }
        return reading
    }

    /// Resident memory alone, which costs the server less to ask for.
    func residentBytes() -> UInt64 {
        var bytes: UInt64 = 0
        for process in family() {
            guard let status = Self.file("/proc/\(process)/status") else { continue }
            bytes += Self.parseKilobytes("VmRSS:", status) * 1024
        }
        return bytes
    }

    /// The process and all that descend from it.
    private func family() -> [Int32] {
        var parents: [Int32: Int32] = [:]
        if let folder = opendir("/proc") {
            defer { closedir(folder) }
            while let entry = readdir(folder) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard let process = Int32(name), let stat = Self.file("/proc/\(name)/stat") else { continue }
                parents[process] = Self.parseStat(stat)?.parent
            }
        }
        var family = [processID]
        var next = 0
        while next < family.count {
            family += parents.filter { $0.value == family[next] }.map(\.key)
            next += 1
        }
        return family
    }

    /// The parent and the processor time of a line of `/proc/PID/stat`; see proc(5).
    static func parseStat(_ text: String) -> (parent: Int32, ticks: UInt64)? {
        // The name in parentheses may hold anything, also spaces and parentheses.
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let parent = Int32(fields[1]), let user = UInt64(fields[11]),
            let system = UInt64(fields[12])
        else { return nil }
        return (parent, user + system)
    }

    /// The number on the line that begins with `name`; 0 where there is none.
    static func parseKilobytes(_ name: String, _ text: String) -> UInt64 {
        for line in text.split(separator: "\n") where line.hasPrefix(name) {
            return line.split(separator: " ").dropFirst().first.flatMap { UInt64($0) } ?? 0
        }
        return 0
    }

    private static func file(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = Glibc.read(file, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
