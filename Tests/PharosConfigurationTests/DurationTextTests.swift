import PharosConfiguration
import Testing

@Suite("Durations")
struct DurationTextTests {
    @Test(
        "a duration is read in hours, minutes, seconds and milliseconds",
        arguments: [
            ("25s", 25), ("1m30s", 90), ("720h", 2_592_000), ("500ms", 0.5), ("300", 300), ("0", 0), ("1.5s", 1.5),
            ("1h0m1s", 3601),
        ])
    func reads(text: String, seconds: Double) {
        #expect(DurationText.seconds(text) == seconds)
    }

    @Test(
        "what is no duration is refused",
        arguments: ["", "s", "5x", "-5s", "5 s", "1.5", ".5s", "5.s", "1..5s", "s5", "٣s", "1e3s", "5S", "9d"])
    func refuses(text: String) {
        #expect(DurationText.seconds(text) == nil)
    }

    @Test(
        "a duration is written in its shortest form and reads back as the same",
        arguments: [(0, "0s"), (25, "25s"), (90, "1m30s"), (2_592_000, "720h"), (0.5, "500ms"), (3600.25, "1h250ms")])
    func writes(seconds: Double, text: String) {
        #expect(DurationText.text(seconds) == text)
        #expect(DurationText.seconds(text) == seconds)
    }
}
