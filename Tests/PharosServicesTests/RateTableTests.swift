import PharosDomain
import Testing

@testable import PharosServices

@Suite("token buckets by name")
struct RateTableTests {
    @Test("a name has a burst of one second, and what comes back with time; other names do not matter")
    func burst() {
        let table = RateTable<NameOf.User>(CommandRate(4), nowMs: 0)
        for _ in 0..<4 { #expect(table.take("ann", nowMs: 0)) }
        #expect(!table.take("ann", nowMs: 0))
        #expect(table.take("bob", nowMs: 0))
        #expect(!table.take("ann", nowMs: 249))
        #expect(table.take("ann", nowMs: 250))
        #expect(!table.take("ann", nowMs: 250))
    }

    @Test("without a limit or a name nothing is counted or kept")
    func free() {
        let table = RateTable<NameOf.User>(CommandRate(0), nowMs: 0)
        for _ in 0..<100 { #expect(table.take("ann", nowMs: 0)) }
        let limited = RateTable<NameOf.User>(CommandRate(1), nowMs: 0)
        for _ in 0..<100 { #expect(limited.take("", nowMs: 0)) }
        #expect(table.count + limited.count == 0)
    }

    @Test("a bucket in use is never forgotten, one that is full again is")
    func forgetting() {
        let table = RateTable<NameOf.User>(CommandRate(1), nowMs: 0)
        #expect(table.take("idle", nowMs: 0))
        #expect(table.take("busy", nowMs: 0))
        for now in stride(from: Int64(100), through: 900, by: 100) { #expect(!table.take("busy", nowMs: now)) }
        // Across the turn of a generation it is still as empty as it was.
        #expect(table.take("busy", nowMs: 1_000))
        #expect(!table.take("busy", nowMs: 1_900))
        #expect(table.take("busy", nowMs: 2_000))
        #expect(table.take("other", nowMs: 3_000))
        #expect(table.count == 2)
        #expect(table.take("other", nowMs: 9_000))
        #expect(table.take("other", nowMs: 10_000))
        #expect(table.count == 1)
    }

    @Test("any number of names takes bounded memory")
    func bounded() {
        let table = RateTable<NameOf.User>(CommandRate(1), limit: 100, nowMs: 0)
        for number in 0..<10_000 {
            #expect(table.take("address \(number)", nowMs: 0))
            #expect(table.count <= 100)
        }
        #expect(!table.take("address 9999", nowMs: 0))
    }

    @Test("a connection is refused beyond its limit and given up beyond ten times that")
    func patience() {
        var limits = RateLimits()
        limits.perConnection = 3
        limits.perUser = 2
        limits.perAddress = 100
        let limiter = RateLimiter(limits, nowMs: 0)
        var rate = ConnectionRate(limiter, nowMs: 0)
        for _ in 0..<3 { #expect(rate.take(nowMs: 0) == .allowed) }
        for _ in 3..<20 { #expect(rate.take(nowMs: 0) == .refused) }
        #expect(rate.take(nowMs: 0) == .hopeless)
        // The strictest limit decides, and none at all is no limit.
        #expect(limiter.patience == CommandRate(20))
        limits = RateLimits()
        #expect(!RateLimiter(limits, nowMs: 0).isActive)
        #expect(limiter.error(.connection).message == "too many requests: connection, retry after 334 ms")
        #expect(limiter.error(.user).message == "too many requests: user, retry after 500 ms")
    }
}
