/// A reading of the machine's load.
///
/// It holds the kernel's counters; two readings give a load.
///
/// The parsers take the text of a file under `/proc` and are pure; `nil` means that the text is not in the form that
/// proc(5) describes. Counters are totals since the machine started.
struct MachineLoad: Equatable, Sendable {
    /// Processor time, in clock ticks over all processors.
    struct ProcessorTime: Equatable, Sendable {
        var busy: UInt64
        var total: UInt64
    }

    /// Main memory in bytes.
    ///
    /// Used means: not available to a new program without swapping.
    struct Memory: Equatable, Sendable {
        var used: UInt64
        var total: UInt64
    }

    /// Bytes that went through all network interfaces.
    struct Traffic: Equatable, Sendable {
        var received: UInt64
        var sent: UInt64
    }

    var processorTime: ProcessorTime
    var memory: Memory
    var traffic: Traffic
    /// When the counters were read, on the monotonic clock.
    var monotonicMs: Int64
}

// MARK: - Reading /proc

extension MachineLoad {
    /// Reads the first line of `/proc/stat`.
    ///
    /// `cpu user nice system idle iowait irq softirq steal …`
    ///
    /// Guest time is left out, since the kernel has counted it in `user` and `nice` already.
    static func parseProcessorTime(_ stat: some StringProtocol) -> ProcessorTime? {
        guard let line = stat.split(separator: "\n").first else { return nil }
        let fields = line.split(separator: " ")
        guard fields.first == "cpu" else { return nil }
        let ticks = fields.dropFirst().prefix(8).compactMap { UInt64($0) }
        guard ticks.count >= 4 else { return nil }
        let total = ticks.reduce(0, &+)
        let idle = ticks[3] &+ (ticks.count > 4 ? ticks[4] : 0)
        return ProcessorTime(busy: total >= idle ? total - idle : 0, total: total)
    }

    /// Reads `MemTotal` and `MemAvailable` of `/proc/meminfo`.
    ///
    /// They are in units of 1024 bytes.
    static func parseMemory(_ meminfo: some StringProtocol) -> Memory? {
        var total: UInt64?
        var available: UInt64?
        for line in meminfo.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 2, let kibibytes = UInt64(fields[1]) else { continue }
            if fields[0] == "MemTotal:" { total = kibibytes }
            if fields[0] == "MemAvailable:" { available = kibibytes }
        }
        guard let total, let available, available <= total, total < 1 << 50 else { return nil }
        return Memory(used: (total - available) * 1024, total: total * 1024)
    }

    /// The byte columns of `/proc/net/dev`, added up over all interfaces.
    ///
    /// The loopback counts too: a user who tries a server on the own machine wants to see what it moves. After the
    /// colon come eight columns of received traffic, then those of sent traffic; bytes are the first of each.
    static func parseTraffic(_ device: some StringProtocol) -> Traffic? {
        var traffic = Traffic(received: 0, sent: 0)
        var lines = 0
        for line in device.split(separator: "\n") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let columns = line[line.index(after: colon)...].split(separator: " ")
            guard columns.count >= 9, let received = UInt64(columns[0]), let sent = UInt64(columns[8]) else { continue }
            lines += 1
            traffic.received &+= received
            traffic.sent &+= sent
        }
        return lines > 0 ? traffic : nil
    }
}

// MARK: - Two readings

extension MachineLoad {
    /// The load since an earlier reading, as JSON for the channel `load`.
    ///
    /// `{"t":ms,"cpu":percent,"memory":{"used":bytes,"total":bytes},"network":{"rx":bytes/s,"tx":bytes/s}}`, where `t`
    /// is the wall clock. A counter that ran backwards (an interface went away) counts as no traffic.
    func json(since earlier: MachineLoad, wallMs: Int64) -> String {
        let elapsedMs = UInt64(max(1, monotonicMs - earlier.monotonicMs))
        func rate(_ now: UInt64, _ before: UInt64) -> UInt64 {
            let (thousandfold, overflow) = (now > before ? now - before : 0).multipliedReportingOverflow(by: 1000)
            return overflow ? 0 : thousandfold / elapsedMs
        }
        let received = rate(traffic.received, earlier.traffic.received)
        let sent = rate(traffic.sent, earlier.traffic.sent)
        return """
            {"t":\(wallMs),"cpu":\(processorPercent(since: earlier)),\
            "memory":{"used":\(memory.used),"total":\(memory.total)},\
            "network":{"rx":\(received),"tx":\(sent)}}
            """
    }

    /// The share of processor time that was busy since an earlier reading.
    ///
    /// It is in percent with one decimal.
    func processorPercent(since earlier: MachineLoad) -> Double {
        guard processorTime.total > earlier.processorTime.total else { return 0 }
        let total = Double(processorTime.total - earlier.processorTime.total)
        let busy = Double(processorTime.busy) - Double(earlier.processorTime.busy)
        return (min(1, max(0, busy / total)) * 1000).rounded() / 10
    }
}
