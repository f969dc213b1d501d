/// Latencies in nanoseconds, in classes about 3 % wide.
struct BenchHistogram {
    /// Each power of two is cut into this many classes.
    private static let steps = 32
    private var counts = [UInt64](repeating: 0, count: 60 * steps)
    private(set) var count: UInt64 = 0
    private(set) var maximum: UInt64 = 0

    /// - Parameter nanoseconds: beyond 292 years counts as that.
    mutating func add(_ nanoseconds: UInt64) {
        let nanoseconds = min(nanoseconds, UInt64(Int64.max))
        counts[Self.index(of: nanoseconds)] += 1
        count += 1
        maximum = max(maximum, nanoseconds)
    }

    /// The latency that `share` of all do not exceed; 0 without any.
    func quantile(_ share: Double) -> UInt64 {
        guard count > 0 else { return 0 }
        let wanted = max(1, UInt64((Double(count) * share).rounded(.up)))
        var seen: UInt64 = 0
        for (index, number) in counts.enumerated() where number > 0 {
            seen += number
            if seen >= wanted { return min(Self.upperEnd(of: index), maximum) }
        }
        return maximum
    }

    /// How many lie in each range between powers of two of microseconds.
    ///
    /// They go from the first range that is not empty to the last.
    func bars() -> [(upToNanoseconds: UInt64, count: UInt64)] {
        var bars: [(upToNanoseconds: UInt64, count: UInt64)] = []
        var end: UInt64 = 1000
        var sum: UInt64 = 0
        for (index, number) in counts.enumerated() where number > 0 {
            while Self.upperEnd(of: index) > end {
                if sum > 0 || !bars.isEmpty { bars.append((end, sum)) }
                sum = 0
                end *= 2
            }
            sum += number
        }
        if sum > 0 { bars.append((end, sum)) }
        return bars
    }

    private static func index(of value: UInt64) -> Int {
        guard value >= UInt64(steps) else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        let step = Int(value >> UInt64(exponent - 5)) & (steps - 1)
        return (exponent - 4) * steps + step
    }

    private static func upperEnd(of index: Int) -> UInt64 {
        guard index >= steps else { return UInt64(index) }
        let exponent = index / steps + 4
        return (UInt64(steps + index % steps + 1) << UInt64(exponent - 5)) - 1
    }
}
