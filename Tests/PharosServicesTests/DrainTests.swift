import PharosEdge
import Testing

@testable import PharosServices

@Suite("leaving at a stated rate")
struct DrainPlanTests {
    @Test("few connections leave within the window, one in each part of it")
    func window() {
        let plan = DrainPlan(connections: 4, windowMs: 2_000, rate: 1_000, shards: 2, timeoutMs: 30_000)
        #expect(plan.window == 2_000)
        #expect((0..<4).map { plan.moment(of: $0, count: 4, chance: 0.5) } == [250, 750, 1_250, 1_750])
    }

    @Test("many take as long as the rate of the node demands; each shard has its share of it")
    func rate() {
        let plan = DrainPlan(connections: 5_000, windowMs: 2_000, rate: 1_000, shards: 2, timeoutMs: 30_000)
        #expect(plan.window == 10_000)
        #expect(plan.moment(of: 4_999, count: 5_000, chance: 0.99) < 10_000)
    }

    @Test("the timeout bounds it, with a tenth left for the last ones to go")
    func timeout() {
        #expect(DrainPlan(connections: 5_000, windowMs: 0, rate: 10, shards: 1, timeoutMs: 30_000).window == 27_000)
        #expect(DrainPlan(connections: 0, windowMs: 1_000_000, rate: 0, shards: 1, timeoutMs: 0).window == 0)
    }

    @Test("without a rate the window is all that counts")
    func noRate() {
        #expect(DrainPlan(connections: 1_000_000, windowMs: 0, rate: 0, shards: 1, timeoutMs: 30_000).window == 0)
    }
}

@Suite("ages of connections")
struct ConnectionAgesTests {
    private func id(_ slot: UInt32) -> ConnectionID { ConnectionID(slot: slot, generation: 1) }

    @Test("an age differs by at most a tenth from the maximum")
    func jitter() {
        #expect(ConnectionAges.age(maximum: 60, chance: 0) == 54_000)
        #expect(ConnectionAges.age(maximum: 60, chance: 0.5) == 60_000)
        #expect(ConnectionAges.age(maximum: 60, chance: 1) == 66_000)
    }

    @Test("each is taken out once, not before it is due, in the order of the seconds")
    func order() {
        var ages = ConnectionAges(nowMs: 10_000)
        ages.add(id(1), dueMs: 12_500)
        ages.add(id(2), dueMs: 11_000)
        ages.add(id(3), dueMs: 12_999)
        var taken = ages.takeDue(nowMs: 11_999)
        #expect(taken == [])
        taken = ages.takeDue(nowMs: 12_000)
        #expect(taken == [id(2)])
        taken = ages.takeDue(nowMs: 60_000)
        #expect(taken == [id(1), id(3)])
        taken = ages.takeDue(nowMs: 120_000)
        #expect(taken == [])
    }

    @Test("many that come and go within their age leave nothing behind")
    func ended() {
        var ages = ConnectionAges(nowMs: 0)
        var most = 0
        for number in 0..<100_000 {
            ages.add(id(UInt32(number)), dueMs: Int64(3_600_000 + number % 1_000))
            // Each thousandth stays.
            if ages.isFull { ages.removeEnded { $0.slot % 1_000 == 0 } }
            most = max(most, ages.count)
        }
        #expect(most <= 1_024)
        let taken = ages.takeDue(nowMs: 4_000_000).filter { $0.slot % 1_000 == 0 }
        #expect(taken.count == 100)
        #expect(ages.count == 0)
    }

    @Test("one that is due already, after a pause of the process, comes with the next")
    func late() {
        var ages = ConnectionAges(nowMs: 0)
        var taken = ages.takeDue(nowMs: 50_000)
        #expect(taken == [])
        ages.add(id(1), dueMs: 20_000)
        taken = ages.takeDue(nowMs: 51_000)
        #expect(taken == [id(1)])
    }
}
