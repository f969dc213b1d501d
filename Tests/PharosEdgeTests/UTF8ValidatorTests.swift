import PharosEdge
import Testing

@Suite("UTF-8 validator")
struct UTF8ValidatorTests {
    /// How many bytes pass one at a time, and whether they end between characters.
    private func feed(_ bytes: [UInt8]) -> (accepted: Int, isComplete: Bool) {
        var validator = UTF8Validator()
        for (index, byte) in bytes.enumerated() {
            let isGood = withUnsafeBytes(of: byte) { validator.append($0) }
            if !isGood { return (index, validator.isComplete) }
        }
        return (bytes.count, validator.isComplete)
    }

    private func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { UTF8Validator.isValid($0) } }

    @Test("every character there is passes, at once and byte by byte")
    func everyCharacter() {
        for range in [0...0xD7FF, 0xE000...0x10FFFF] as [ClosedRange<UInt32>] {
            for value in stride(from: range.lowerBound, through: range.upperBound, by: 7) {
                guard let scalar = Unicode.Scalar(value) else { continue }
                let bytes = Array(String(Character(scalar)).utf8)
                guard isValid(bytes), feed(bytes) == (bytes.count, true) else {
                    Issue.record("refused U+\(String(value, radix: 16))")
                    return
                }
            }
        }
    }

    @Test(
        "the borders of each length pass",
        arguments: [0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF])
    func borders(value: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(value))
        #expect(isValid(Array(String(Character(scalar)).utf8)))
    }

    @Test(
        "invalid bytes are refused at the first one that makes it certain",
        arguments: [
            ([0x80], 0), ([0xBF], 0), ([0xC0, 0x80], 0), ([0xC1, 0xBF], 0), ([0xF5, 0x80, 0x80, 0x80], 0), ([0xFF], 0),
            ([0xFE], 0),
            ([0xC2, 0x41], 1), ([0xE0, 0x9F, 0xBF], 1), ([0xED, 0xA0, 0x80], 1), ([0xF0, 0x8F, 0xBF, 0xBF], 1),
            ([0xF4, 0x90, 0x80, 0x80], 1), ([0xE1, 0x80, 0x41], 2), ([0xF1, 0x80, 0x80, 0xC0], 3),
            ([0x41, 0xC2, 0xA9, 0xA9], 3),
        ] as [([UInt8], Int)])
    func invalid(bytes: [UInt8], accepted: Int) {
        #expect(feed(bytes).accepted == accepted)
        #expect(!isValid(bytes))
    }

    @Test("all three-byte sequences are judged as the standard library judges them")
    func allTriples() {
        for first in [0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF4] as [UInt8] {
            for second in UInt8.min...UInt8.max {
                for third in [0x00, 0x41, 0x7F, 0x80, 0xBF, 0xC0, 0xFF] as [UInt8] {
                    let bytes = [first, second, third]
                    let expected = String(validating: bytes, as: UTF8.self) != nil
                    if isValid(bytes) != expected { Issue.record("\(bytes)") }
                }
            }
        }
    }

    @Test("an unfinished character is not complete, and not yet wrong")
    func unfinished() {
        #expect(feed([0xF0, 0x9F, 0x8C]) == (3, false))
        #expect(!isValid([0xF0, 0x9F, 0x8C]))
    }

    @Test("after a mistake nothing is accepted")
    func staysInvalid() {
        var validator = UTF8Validator()
        let first = ([0xFF] as [UInt8]).withUnsafeBytes { validator.append($0) }
        let second = Array("fine".utf8).withUnsafeBytes { validator.append($0) }
        #expect(!first && !second)
        #expect(!validator.isComplete)
    }

    @Test("a wrong byte is found at every place of a long ASCII text")
    func fastPath() {
        for position in 0..<40 {
            var bytes = [UInt8](repeating: 0x61, count: 40)
            #expect(isValid(bytes))
            bytes[position] = 0xFF
            #expect(!isValid(bytes), "at \(position)")
        }
    }
}
