import PharosTestKit
import Testing

@testable import PharosRedis

@Suite("RESP parser: properties")
struct RESPPropertyTests {
    @Test("any values in any pieces are the same values", arguments: 0..<300)
    func roundTrip(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let values = (0..<8).map { _ in value(depth: 0, &generator) }
        let bytes = values.flatMap(\.encoded)
        let parsed = Parsed(bytes.randomPieces(limit: 1 << (seed % 8), using: &generator))
        #expect(parsed.values == values)
        #expect(parsed.isBetweenValues)
    }

    @Test("random bytes never trap", arguments: 0..<200)
    func randomBytes(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let likely = Array("*$%~>|=!+-:,(_#;.\r\n\r\n\r\n0123456789?-+einftxt:".utf8)
        let limits = RESPLimits(lineBytes: 64, bulkBytes: 1_000, elements: 1_000, depth: 8, valueBytes: 4_000)
        var ended = 0
        for _ in 0..<100 {
            let bytes = (0..<200).map { _ in
                Int.random(in: 0..<20, using: &generator) == 0
                    ? UInt8.random(in: 0...255, using: &generator) : likely.randomElement(using: &generator) ?? 0
            }
            let parsed = Parsed(bytes.randomPieces(limit: 9, using: &generator), limits: limits)
            let whole = Parsed(CollectionOfOne(bytes[...]), limits: limits)
            #expect(parsed.notations == whole.notations)
            #expect(parsed.error == whole.error)
            if whole.error != nil { ended += 1 }
        }
        #expect(ended > 50)
    }

    @Test("damaged transcripts never trap, however they are cut", arguments: Transcript.all)
    func damaged(name: String) {
        var generator = SeededGenerator(seed: 7)
        let received = Transcript(name).received
        for _ in 0..<20 {
            var bytes = received
            for _ in 0..<3 {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...127, using: &generator)
            }
            let parsed = Parsed(bytes.randomPieces(limit: 50, using: &generator))
            #expect(parsed.notations == Parsed(CollectionOfOne(bytes[...])).notations)
        }
    }

    private func value(depth: Int, _ generator: inout SeededGenerator) -> RESPValue {
        switch Int.random(in: 0..<(depth < 5 ? 15 : 10), using: &generator) {
        case 0: return .simpleString(line(&generator))
        case 1: return .error(line(&generator))
        case 2: return .integer(Int64.random(in: .min ... .max, using: &generator))
        case 3: return .bulkString(bytes(&generator))
        case 4: return .null
        case 5: return .boolean(Bool.random(using: &generator))
        case 6:
            let value = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &generator))
            return .double(value.isNaN ? -.infinity : value)
        case 7: return .bigNumber(Array("-123456789012345678901234567890".utf8))
        case 8: return .verbatimString(format: Array("mkd".utf8), text: bytes(&generator))
        case 9: return .bulkError(bytes(&generator))
        case 10: return .array(elements(depth, &generator))
        case 11: return .map(pairs(depth, &generator))
        case 12: return .set(elements(depth, &generator))
        case 13: return depth == 0 ? .push(elements(depth, &generator)) : .array(elements(depth, &generator))
        default: return .attributed(attributes: pairs(depth, &generator), value: value(depth: depth + 1, &generator))
        }
    }

    private func elements(_ depth: Int, _ generator: inout SeededGenerator) -> [RESPValue] {
        (0..<Int.random(in: 0..<5, using: &generator)).map { _ in value(depth: depth + 1, &generator) }
    }

    private func pairs(_ depth: Int, _ generator: inout SeededGenerator) -> [RESPPair] {
        (0..<Int.random(in: 0..<3, using: &generator)).map { _ in
            RESPPair(value(depth: depth + 1, &generator), value(depth: depth + 1, &generator))
        }
    }

    private func bytes(_ generator: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 0..<40, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private func line(_ generator: inout SeededGenerator) -> [UInt8] {
        bytes(&generator).filter { $0 != 13 && $0 != 10 }
    }
}
