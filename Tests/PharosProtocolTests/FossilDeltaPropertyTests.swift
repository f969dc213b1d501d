import PharosProtocol
import PharosTestKit
import Testing

@Suite("Fossil deltas of many texts")
struct FossilDeltaPropertyTests {
    @Test("random bytes from small alphabets", arguments: 0..<300)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let letters = [1, 2, 4, 256].randomElement(using: &random)!
        func bytes() -> [UInt8] {
            (0..<Int.random(in: 0...600, using: &random)).map { _ in
                UInt8.random(in: 0...UInt8(letters - 1), using: &random)
            }
        }
        try check(bytes(), bytes())
    }

    @Test("one text edited: pieces removed, doubled, moved, changed", arguments: 0..<300)
    func edits(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let base = (0..<Int.random(in: 1...12_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        var target = base
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let start = Int.random(in: 0...target.count, using: &random)
            let end = min(target.count, start + Int.random(in: 0...200, using: &random))
            let piece = Array(target[start..<end])
            switch Int.random(in: 0..<4, using: &random) {
            case 0: target.removeSubrange(start..<end)
            case 1: target.insert(contentsOf: piece, at: Int.random(in: 0...target.count, using: &random))
            case 2:
                target.removeSubrange(start..<end)
                target.insert(contentsOf: piece, at: Int.random(in: 0...target.count, using: &random))
            default: for index in start..<end where index % 50 == 0 { target[index] &+= 1 }
            }
        }
        let size = try check(base, target)
        // Six edits of up to four bytes new, each with two or three copies around it.
        #expect(size < 600, "\(size) of \(target.count)")
    }

    @Test("JSON documents with a few values changed are told in a fraction of their size", arguments: 0..<100)
    func documents(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var scores = (0..<30).map { _ in Int.random(in: 0...9_999, using: &random) }
        func document() -> [UInt8] {
            let players = scores.enumerated().map { #"{"player":"Игрок \#($0)","score":\#($1),"team":"зелёные"}"# }
            return utf8("[" + players.joined(separator: ",") + "]")
        }
        let base = document()
        for _ in 0..<3 { scores[Int.random(in: 0..<30, using: &random)] = Int.random(in: 0...9_999, using: &random) }
        let target = document()
        let size = try check(base, target)
        #expect(size < target.count / 10)
    }

    @Test("texts that repeat themselves, which invite a quadratic search", arguments: [1, 3, 16, 17, 64])
    func repetitive(period: Int) throws {
        let unit = (0..<period).map { UInt8(truncatingIfNeeded: $0) }
        let base = Array(Array(repeating: unit, count: 400_000 / period).joined())
        // A break every thousand bytes: each piece is found everywhere.
        var target = base
        for index in stride(from: 0, to: target.count, by: 1_000) { target[index] = 0xFF }
        #expect(try check(base, target) < 6_000)
        try check(target, Array(target.reversed()))
    }

    @discardableResult
    private func check(_ base: [UInt8], _ target: [UInt8]) throws -> Int {
        let delta = FossilDeltaTests.delta(base, target)
        #expect(try FossilDelta.apply(delta, to: base, limit: target.count) == target)
        return delta.count
    }
}
