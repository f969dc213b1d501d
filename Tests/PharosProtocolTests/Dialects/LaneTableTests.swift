import PharosProtocol
import Testing

@Suite("Lane table")
struct LaneTableTests {
    /// Keys that differ from the first one in one field each.
    private static let keys: [LaneKey] = {
        let first = LaneKey(dialect: 0, framing: .frame)
        let changes: [(inout LaneKey) -> Void] = [
            { _ in }, { $0.dialect = 1 }, { $0.form = 1 }, { $0.framing = .stream }, { $0.framing = .event },
            { $0.framing = .line }, { $0.windowBits = 15 }, { $0.windowBits = 9 }, { $0.isUnchunked = true },
            { $0.receivesJoinLeave = true }, { $0.delta = .fresh }, { $0.delta = .following },
            { $0.hasOwnBytes = true },
        ]
        return changes.map { change in
            var key = first
            change(&key)
            return key
        }
    }()

    @Test("every difference is another lane, and a number says all of it again")
    func thereAndBack() throws {
        var table = LaneTable()
        let numbers = try Self.keys.map { try table.number(of: $0) }
        #expect(numbers == Self.keys.indices.map { UInt16($0) })
        for (number, key) in zip(numbers, Self.keys) { #expect(table[number] == key) }
    }

    @Test("a key keeps its number")
    func interned() throws {
        var table = LaneTable()
        let numbers = try Self.keys.map { try table.number(of: $0) }
        for (number, key) in zip(numbers, Self.keys).reversed() { #expect(try table.number(of: key) == number) }
        #expect(table.count == Self.keys.count)
    }

    @Test("a full table says so, and goes on with the lanes that it has")
    func full() throws {
        var table = LaneTable(limit: 3)
        for key in Self.keys.prefix(3) { _ = try table.number(of: key) }
        do {
            _ = try table.number(of: Self.keys[3])
            Issue.record("a fourth lane in a table of three")
        } catch {
            #expect(error == LaneTableFull(limit: 3))
            #expect("\(error)" == "no further lane: the table has its limit of 3")
        }
        #expect(try table.number(of: Self.keys[2]) == 2)
        #expect(table.count == 3)
    }

    @Test("all numbers can be given")
    func largest() throws {
        var table = LaneTable(limit: 65_536)
        for index in 0..<65_536 {
            let key = LaneKey(
                dialect: UInt8(index & 255), form: UInt8(index >> 8), framing: .frame)
            #expect(try table.number(of: key) == UInt16(index))
        }
        let last = LaneKey(dialect: 255, form: 255, framing: .frame)
        #expect(table[.max] == last)
        #expect(throws: LaneTableFull.self) {
            try table.number(of: LaneKey(dialect: 0, framing: .line))
        }
    }
}
