import CPharosSys

/// The clock of a dispatcher, and its source of random numbers.
package struct DispatchTiming: Sendable {
    /// Milliseconds since 1970.
    package var wallMs: @Sendable () -> Int64
    /// Returns after so many milliseconds, or when the task is cancelled.
    package var sleep: @Sendable (Int64) async -> Void
    /// From 0 up to 1.
    package var chance: @Sendable () -> Double

    package init(
        wallMs: @escaping @Sendable () -> Int64, sleep: @escaping @Sendable (Int64) async -> Void,
        chance: @escaping @Sendable () -> Double
    ) {
        self.wallMs = wallMs
        self.sleep = sleep
        self.chance = chance
    }

    package static let real = DispatchTiming(
        wallMs: { pharos_wall_ms() },
        sleep: { try? await Task.sleep(for: .milliseconds($0)) },
        chance: { Double.random(in: 0..<1) })
}
