/// A program's durations in the numbers that the server counts with.
///
/// `.seconds(.max)` for "always" is among them.
extension Duration {
    /// The longest that a configuration file may name as well: ten years.
    private static var longest: Duration { .seconds(315_360_000) }

    private var bounded: Duration { min(max(self, .zero), .longest) }

    /// Seconds, from 0 to ten years.
    var boundedSeconds: Double { bounded / .seconds(1) }

    /// Whole seconds, from 0 to ten years.
    var boundedWholeSeconds: Int { Int(bounded.components.seconds) }

    /// Milliseconds, from 0 to ten years.
    var boundedMilliseconds: Int64 { Int64(bounded / .milliseconds(1)) }
}
