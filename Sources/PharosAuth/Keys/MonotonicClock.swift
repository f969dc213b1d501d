/// A clock that never goes back, whatever happens to the server's time.
package enum MonotonicClock {
    private static let start = ContinuousClock.now

    /// Milliseconds since its first use.
    @Sendable package static func nowMs() -> Int64 {
        let passed = start.duration(to: .now).components
        return passed.seconds * 1_000 + passed.attoseconds / 1_000_000_000_000_000
    }
}
