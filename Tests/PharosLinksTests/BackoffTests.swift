import Testing
@testable import PharosLinks

@Suite struct BackoffTests {
    @Test func waitsGrowToTheMostAndBeginAnewAfterReset() {
        var random = SystemRandomNumberGenerator()
        var backoff = Backoff()
        for attempt in 0..<12 {
            let full = min(Int64(50) << Int64(attempt), 3_000)
            let wait = backoff.next(using: &random)
            #expect(wait >= full / 2 && wait <= full)
        }
        backoff.reset()
        let wait = backoff.next(using: &random)
        #expect(wait <= 50)
    }
}
