/// The report of a bench, for people and for programs.
enum BenchReport {
    private static let barWidth: UInt64 = 40

    static func text(_ result: BenchResult) -> String {
        let plan = result.plan
        let speed = result.connectSeconds > 0 ? Double(result.connected) / result.connectSeconds : 0
        var lines = [
            "connected   \(result.connected) in \(decimal(result.connectSeconds)) s: \(Int(speed)) a second, "
                + "\(result.failed) failed\(suffix(result.failure))"
        ]
        if let cost = result.microsecondsPerConnection {
            lines.append("            server: \(decimal(cost)) us of processor time each")
        }
        if let bytes = result.bytesPerConnection {
            lines.append(
                "memory      \(Int(bytes)) bytes per connection, at most \(megabytes(result.peakResidentBytes)) resident"
            )
        }
        if result.published > 0 {
            let rate = result.publishSeconds > 0 ? Double(result.published) / result.publishSeconds : 0
            var line = "published   \(result.published) in \(decimal(result.publishSeconds)) s: \(Int(rate)) a second, "
            line += "\(result.refused) refused\(suffix(result.refusal))"
            lines.append(line)
            if case .rate = plan.pace { lines.append("            at most \(time(result.lagNanoseconds)) late") }
            lines.append(
                "delivered   \(result.delivered) of \(result.expected): \(Int(result.deliveriesPerSecond)) a second; "
                    + "lost \(result.lost), twice \(result.duplicates), out of order \(result.outOfOrder), "
                    + "foreign \(result.foreign)")
            if let cost = result.microsecondsPerDelivery {
                lines.append("            server: \(decimal(cost)) us of processor time each")
            }
            lines += latency(result.latency)
        }
        if result.closedEarly > 0 {
            lines.append("closed      \(result.closedEarly) connections before the end\(suffix(result.closeReason))")
        }
        if plan.processID != nil && result.after == nil { lines.append("server      its process has ended") }
        lines.append("result      \(result.isClean ? "clean" : "NOT CLEAN")")
        return lines.joined(separator: "\n")
    }

    private static func latency(_ latency: BenchHistogram) -> [String] {
        guard latency.count > 0 else { return [] }
        var lines = [
            "latency     p50 \(time(latency.quantile(0.5)))  p90 \(time(latency.quantile(0.9)))  "
                + "p99 \(time(latency.quantile(0.99)))  max \(time(latency.maximum))"
        ]
        let bars = latency.bars()
        let most = bars.map(\.count).max() ?? 1
        for bar in bars {
            let width = bar.count == 0 ? 0 : max(1, Int(bar.count * barWidth / most))
            let label = "to \(time(bar.upToNanoseconds))"
            let filled = String(repeating: "#", count: width)
            lines.append(
                "  " + String(repeating: " ", count: max(0, 16 - label.count)) + "\(label)  \(filled) \(bar.count)")
        }
        return lines
    }

    static func json(_ result: BenchResult) -> String {
        var fields: [(String, String)] = [
            ("clean", "\(result.isClean)"), ("peer", quoted(result.plan.peer.rawValue)),
            ("connected", "\(result.connected)"), ("failed", "\(result.failed)"),
            ("connect_seconds", decimal(result.connectSeconds)), ("published", "\(result.published)"),
            ("refused", "\(result.refused)"), ("publish_seconds", decimal(result.publishSeconds)),
            ("lag_ns", "\(result.lagNanoseconds)"), ("expected", "\(result.expected)"),
            ("delivered", "\(result.delivered)"), ("lost", "\(result.lost)"), ("duplicates", "\(result.duplicates)"),
            ("out_of_order", "\(result.outOfOrder)"), ("foreign", "\(result.foreign)"),
            ("closed_early", "\(result.closedEarly)"), ("deliveries_per_s", decimal(result.deliveriesPerSecond)),
        ]
        let latency = result.latency
        fields.append(
            (
                "latency_ns",
                object([
                    ("p50", "\(latency.quantile(0.5))"), ("p90", "\(latency.quantile(0.9))"),
                    ("p99", "\(latency.quantile(0.99))"), ("max", "\(latency.maximum)"),
                ])
            ))
        var server: [(String, String)] = []
        if let cost = result.microsecondsPerDelivery { server.append(("cpu_us_per_delivery", decimal(cost))) }
        if let cost = result.microsecondsPerConnection { server.append(("cpu_us_per_connection", decimal(cost))) }
        if let bytes = result.bytesPerConnection { server.append(("bytes_per_connection", decimal(bytes))) }
        if result.peakResidentBytes > 0 { server.append(("peak_rss_kb", "\(result.peakResidentBytes / 1024)")) }
        fields.append(("server", object(server)))
        let problems = [result.failure, result.refusal, result.closeReason].compactMap { $0 }
        if !problems.isEmpty { fields.append(("problem", quoted(problems.joined(separator: "; ")))) }
        return object(fields)
    }

    private static func object(_ fields: [(String, String)]) -> String {
        "{" + fields.map { "\(quoted($0.0)):\($0.1)" }.joined(separator: ",") + "}"
    }

    private static func quoted(_ text: String) -> String {
        let escaped = SubPrinter.printable(text).map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }
        return "\"\(escaped.joined())\""
    }

    private static func suffix(_ why: String?) -> String { why.map { " (\($0))" } ?? "" }

    private static func megabytes(_ bytes: UInt64) -> String { decimal(Double(bytes) / 1e6) + " MB" }

    /// Two decimals, without a library's formatter.
    static func decimal(_ value: Double) -> String {
        let hundredths = Int64((value * 100).rounded())
        let part = hundredths.magnitude % 100
        return "\(hundredths < 0 ? "-" : "")\(hundredths.magnitude / 100).\(part < 10 ? "0" : "")\(part)"
    }

    static func time(_ nanoseconds: UInt64) -> String {
        switch nanoseconds {
        case ..<1_000_000: "\(nanoseconds / 1000) us"
        case ..<1_000_000_000: "\(decimal(Double(nanoseconds) / 1e6)) ms"
        default: "\(decimal(Double(nanoseconds) / 1e9)) s"
        }
    }
}
