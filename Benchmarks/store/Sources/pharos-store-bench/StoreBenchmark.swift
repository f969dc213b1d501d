import CPharosSys
import Foundation
import PharosDomain
import PharosSQLite

/// pharos-store-bench [--appends N] [--rounds N] [--bytes N] [--directory PATH]
///
/// Prints, for one channel and for 1,000, with 64 appends outstanding, the store's rate, SQLite's with the same batches, and
/// the ratio; then how long a store takes to open, empty and with 1,000,000 publications in 10,000 channels.
@main
struct StoreBenchmark {
    private var settings = [
        "appends": "60000", "rounds": "9", "bytes": "256", "directory": NSTemporaryDirectory(), "stored": "1000000",
    ]
    private let data: [UInt8]
    private let directory: String

    static func main() throws {
        let benchmark = StoreBenchmark(CommandLine.arguments.dropFirst())
        try benchmark.compare("1 channel", channels: 1, size: 1_000_000)
        try benchmark.compare("1000 channels", channels: 1_000, size: 1_000_000)
        try benchmark.compare("1 channel, trimmed to 1000", channels: 1, size: 1_000)
        try benchmark.compare("1000 channels, trimmed to 10", channels: 1_000, size: 10)
        if benchmark.number("stored") > 0 { try benchmark.compareOpening() }
    }

    private init(_ arguments: ArraySlice<String>) {
        var arguments = arguments
        while let name = arguments.popFirst(), let value = arguments.popFirst() {
            settings[String(name.dropFirst(2))] = value
        }
        let text = [UInt8](repeating: 0x78, count: max(Int(settings["bytes"]!)! - 11, 0))
        data = Array(#"{"text":""#.utf8) + text + Array(#""}"#.utf8)
        directory = "\(settings["directory"]!)/pharos-store-bench-\(getpid())"
    }

    private func number(_ name: String) -> Int { Int(settings[name]!)! }

    private func open(_ name: String) throws -> SQLiteStreams {
        try SQLiteStreams(directory: "\(directory)/\(name)") { print("event: \($0)") }
    }

    private func rate(_ appends: Int, _ nanoseconds: Int64) -> Double { Double(appends) * 1e9 / Double(nanoseconds) }
    private func rounded(_ value: Double) -> String { String(format: "%.0f", value) }
    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private func round(_ name: String, channels: [String], size: Int) throws -> Round {
        let (appends, load) = (number("appends"), StoreLoad())
        let retention = StreamRetention(size: size, ttlMs: 86_400_000, metaTTLMs: 0)
        // Each stream begins with one append, outside of what is measured.
        func begin(_ streams: SQLiteStreams) {
            _ = load.run(
                streams, appends: channels.count, outstanding: 1_024, channels: channels, data: data,
                retention: retention)
        }
        let streams = try open(name)
        begin(streams)
        let cpuBefore = cpuMicroseconds()
        let outcome = load.run(
            streams, appends: appends, outstanding: 64, channels: channels, data: data, retention: retention)
        let storeCPU = cpuMicroseconds() - cpuBefore
        streams.close()
        let seed = try open("plain")
        begin(seed)
        seed.close()
        let plain = PlainCommits(path: "\(directory)/plain/pharos.db", channels: channels.count)
        let plainBefore = cpuMicroseconds()
        let nanoseconds = plain.run(batches: outcome.batches, data: data, endsMs: pharos_wall_ms() + 86_400_000)
        let plainCPU = cpuMicroseconds() - plainBefore
        plain.close()
        try FileManager.default.removeItem(atPath: directory)
        return Round(
            store: rate(appends, outcome.nanoseconds), plain: rate(appends, nanoseconds),
            meanBatch: Double(appends) / Double(outcome.batches.count), storeCPU: storeCPU / Double(appends),
            plainCPU: plainCPU / Double(appends))
    }

    private func compare(_ title: String, channels count: Int, size: Int) throws {
        let channels = (0..<count).map { "channel:\($0)" }
        let rounds = try (0..<number("rounds")).map { _ in try round("store", channels: channels, size: size) }
        print(
            "\(title): store \(rounded(median(rounds.map(\.store)))) appends/s, SQLite alone "
                + "\(rounded(median(rounds.map(\.plain))))/s with the same batches of "
                + "\(String(format: "%.1f", median(rounds.map(\.meanBatch)))), ratio "
                + String(format: "%.2f", median(rounds.map { $0.store / $0.plain })) + " (of "
                + rounds.map { String(format: "%.2f", $0.store / $0.plain) }.joined(separator: " ")
                + "); processor time "
                + String(
                    format: "%.1f and %.1f µs per append", median(rounds.map(\.storeCPU)),
                    median(rounds.map(\.plainCPU))))
    }

    /// Of all threads, in the kernel too.
    private func cpuMicroseconds() -> Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func microseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1e6 + Double(time.tv_usec) }
        return microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
    }

    private func openingTime(_ name: String) throws -> Double {
        let start = pharos_monotonic_ns()
        let streams = try open(name)
        let nanoseconds = pharos_monotonic_ns() - start
        streams.close()
        return Double(nanoseconds) / 1e6
    }

    private func compareOpening() throws {
        let (stored, load) = (number("stored"), StoreLoad())
        let streams = try open("full")
        _ = load.run(
            streams, appends: stored, outstanding: 4_000, channels: (0..<10_000).map { "channel:\($0)" },
            data: Array(data.prefix(100)), retention: StreamRetention(size: 1_000, ttlMs: 86_400_000, metaTTLMs: 0))
        streams.close()
        try open("empty").close()
        let times = try (0..<11).map { _ in (empty: try openingTime("empty"), full: try openingTime("full")) }
        let (empty, full) = (median(times.map(\.empty)), median(times.map(\.full)))
        print(
            "opening: \(String(format: "%.1f", empty)) ms empty, \(String(format: "%.1f", full)) ms with \(stored) publications "
                + "in 10000 channels, ratio \(String(format: "%.2f", full / empty))")
        try FileManager.default.removeItem(atPath: directory)
    }

}

private struct Round {
    let store: Double
    let plain: Double
    let meanBatch: Double
    /// Microseconds of processor time per append.
    ///
    /// The publisher's thread is part of the store's.
    let storeCPU: Double
    let plainCPU: Double
}
