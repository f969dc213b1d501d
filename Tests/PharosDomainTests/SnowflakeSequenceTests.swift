import PharosDomain
import Testing

@Suite("snowflake numbers")
struct SnowflakeSequenceTests {
    private let start = SnowflakeSequence.standardEpochMs + 1_000_000

    @Test("the time, the node and the count stand where they belong")
    func layout() throws {
        var sequence = try SnowflakeSequence(node: 513)
        _ = try sequence.next(nowMs: start)
        let number = try sequence.next(nowMs: start)
        #expect(number == 1_000_000 << 22 | 513 << 12 | 1)
        let parts = SnowflakeSequence.parts(of: number)
        #expect(parts.timeMs == start)
        #expect(parts.node == 513)
        #expect(parts.count == 1)
    }

    @Test("FT-9: numbers stay unique and growing when the clock steps back by a second")
    func stepBack() throws {
        var sequence = try SnowflakeSequence(node: 7)
        var last: UInt64 = 0
        func take(_ count: Int, at nowMs: Int64) throws {
            for _ in 0..<count {
                let number = try sequence.next(nowMs: nowMs)
                #expect(number > last)
                last = number
            }
        }
        for millisecond in 0..<20 { try take(50, at: start + Int64(millisecond)) }
        for millisecond in 0..<1_100 { try take(20, at: start - 1_000 + Int64(millisecond)) }
        #expect(SnowflakeSequence.parts(of: last).timeMs == start + 99)
    }

    @Test("FT-9: a node number outside 0 to 1023 is refused")
    func nodes() throws {
        for node in [-1, 1_024, 5_000] {
            #expect(throws: SnowflakeSequence.Failure.invalidNode(node)) { try SnowflakeSequence(node: node) }
        }
        for node in [0, 1_023] { #expect(try SnowflakeSequence(node: node).node == UInt64(node)) }
    }

    @Test("4,096 numbers fit into a millisecond, the next one takes the next")
    func fullMillisecond() throws {
        var sequence = try SnowflakeSequence(node: 0)
        var numbers: Set<UInt64> = []
        for _ in 0..<4_096 { numbers.insert(try sequence.next(nowMs: start)) }
        #expect(numbers.count == 4_096)
        #expect(numbers.allSatisfy { SnowflakeSequence.parts(of: $0).timeMs == start })
        let next = try sequence.next(nowMs: start)
        #expect(SnowflakeSequence.parts(of: next).timeMs == start + 1)
        #expect(SnowflakeSequence.parts(of: next).count == 0)
    }

    @Test("a clock that is too far behind is refused, and nothing is lost by it")
    func tooFar() throws {
        var sequence = try SnowflakeSequence(node: 0, leadLimitMs: 1_000)
        let first = try sequence.next(nowMs: start)
        #expect(throws: SnowflakeSequence.Failure.clockTooFarBehind(byMs: 1_001)) {
            try sequence.next(nowMs: start - 1_001)
        }
        #expect(try sequence.next(nowMs: start - 1_000) == first + 1)
    }

    @Test("a sequence that begins after a known number only gives greater ones")
    func after() throws {
        var other = try SnowflakeSequence(node: 1_023)
        let known = try other.next(nowMs: start)
        var sequence = try SnowflakeSequence(node: 0, after: known)
        #expect(try sequence.next(nowMs: start - 500) > known)
    }

    @Test("time before the epoch and after 41 bits is refused")
    func range() throws {
        var sequence = try SnowflakeSequence(node: 0)
        #expect(throws: SnowflakeSequence.Failure.outOfRange) {
            try sequence.next(nowMs: SnowflakeSequence.standardEpochMs - 1)
        }
        #expect(throws: SnowflakeSequence.Failure.outOfRange) {
            try sequence.next(nowMs: SnowflakeSequence.standardEpochMs + 1 << 41)
        }
    }
}
