import Testing

@testable import PharosEdge

@Suite("timer wheel")
struct TimerWheelTests {
    /// A wheel over a few connections, on a clock that the test moves.
    private struct Bench: ~Copyable {
        var wheel: TimerWheel
        var connections: Slab<Connection>
        var now: Int64

        init(connections count: Int = 16, startMs: Int64 = 1_000_000) {
            wheel = TimerWheel(nowMs: startMs)
            connections = Slab(capacity: count)
            now = startMs
            for _ in 0..<count {
                guard let (slot, _) = connections.take(initial: Connection()) else { return }
                connections[slot].pointee.generation = slot + 100
            }
        }

        mutating func set(_ slot: UInt32, inMs delay: Int64) { wheel.set(slot, atMs: now + delay, connections) }

        /// The timers that expire while the clock goes to `moment`, in one step.
        mutating func advance(byMs milliseconds: Int64) -> [UInt32] {
            now += milliseconds
            var expired: [ConnectionID] = []
            wheel.advance(toMs: now, connections, expired: &expired)
            for id in expired where id.generation != id.slot + 100 { return [.max] }
            return expired.map(\.slot).sorted()
        }
    }

    @Test(
        "never early, and at most two ticks late",
        arguments: [0, 1, 63, 64, 65, 1_000, 65_535, 65_536, 70_000, 500_000])
    func punctual(_ delay: Int64) {
        for offset: Int64 in 0..<64 {
            var bench = Bench(startMs: 1_000_000 + offset)
            bench.set(3, inMs: delay)
            var waited: Int64 = 0
            while bench.advance(byMs: 7).isEmpty {
                waited += 7
                guard waited < delay + 1_000 else { break }
            }
            waited += 7
            #expect(waited >= delay)
            #expect(waited <= delay + 2 * TimerWheel.tickMs + 7)
        }
    }

    @Test("setting again replaces the deadline, clearing forgets it")
    func replace() {
        var bench = Bench()
        bench.set(1, inMs: 1_000)
        bench.set(1, inMs: 5_000)
        bench.set(2, inMs: 1_000)
        bench.wheel.clear(2, bench.connections)
        bench.wheel.clear(2, bench.connections)
        #expect(bench.advance(byMs: 4_000) == [])
        #expect(bench.advance(byMs: 1_200) == [1])
        #expect(bench.advance(byMs: 100_000) == [])
    }

    @Test("many connections in one slot expire together, those of a later turn stay")
    func sameSlot() {
        var bench = Bench()
        let turn = TimerWheel.tickMs * 1_024
        for slot: UInt32 in 0..<8 { bench.set(slot, inMs: 640) }
        for slot: UInt32 in 8..<16 { bench.set(slot, inMs: 640 + turn) }
        #expect(bench.advance(byMs: 800) == Array(0..<8))
        #expect(bench.advance(byMs: turn) == Array(8..<16))
    }

    @Test("clearing at the front, in the middle and at the end of a slot leaves the others")
    func clearing() {
        var bench = Bench()
        for slot: UInt32 in 0..<5 { bench.set(slot, inMs: 640) }
        for slot: UInt32 in [4, 2, 0] { bench.wheel.clear(slot, bench.connections) }
        #expect(bench.advance(byMs: 800) == [1, 3])
    }

    @Test("after a pause longer than the wheel everything due expires at once")
    func longPause() {
        var bench = Bench()
        for slot: UInt32 in 0..<16 { bench.set(slot, inMs: Int64(slot) * 10_000) }
        #expect(bench.advance(byMs: 10_000_000) == Array(0..<16))
        bench.set(5, inMs: 100)
        #expect(bench.advance(byMs: 300) == [5])
    }

    @Test("a deadline in the past, and one at the end of time")
    func extremes() {
        var bench = Bench()
        bench.set(1, inMs: -1_000_000)
        bench.wheel.set(2, atMs: .max, bench.connections)
        bench.wheel.set(3, atMs: .min, bench.connections)
        #expect(bench.advance(byMs: 128) == [1, 3])
        #expect(bench.advance(byMs: 10_000_000) == [])
    }

    @Test("the timeout never passes over a deadline, and an empty wheel waits for the limit")
    func timeout() {
        var bench = Bench()
        #expect(bench.wheel.timeout(nowMs: bench.now, limit: 1_000) == 1_000)
        for delay: Int64 in [0, 10, 500, 5_000, 60_000, 65_400, 65_600, 200_000] {
            bench.set(1, inMs: delay)
            let start = bench.now
            var turns = 0
            while true {
                let wait = bench.wheel.timeout(nowMs: bench.now, limit: 100_000)
                turns += 1
                if bench.advance(byMs: max(wait, 1)) == [1] { break }
                guard turns < 1_000 else { break }
            }
            #expect(bench.now - start >= delay)
            #expect(bench.now - start <= delay + 2 * TimerWheel.tickMs)
            // One turn of the wheel is one wake-up too early, at most.
            #expect(turns <= Int(delay / 65_536) + 3)
        }
    }

    @Test("the wheel agrees with a plain list over many random steps")
    func againstAModel() {
        var bench = Bench(connections: 64)
        var deadlines: [UInt32: Int64] = [:]
        for _ in 0..<20_000 {
            let slot = UInt32.random(in: 0..<64)
            switch Int.random(in: 0..<4) {
            case 0, 1:
                let delay = Int64.random(in: 0...90_000)
                bench.set(slot, inMs: delay)
                deadlines[slot] = bench.now + delay
            case 2:
                bench.wheel.clear(slot, bench.connections)
                deadlines[slot] = nil
            default:
                let expired = bench.advance(byMs: .random(in: 0...900))
                for slot in expired {
                    #expect(deadlines[slot].map { $0 <= bench.now } == true)
                    deadlines[slot] = nil
                }
                let overdue = deadlines.values.filter { $0 + 2 * TimerWheel.tickMs < bench.now }
                #expect(overdue.isEmpty)
            }
        }
    }
}
