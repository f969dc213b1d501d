@testable import PharosRedis

extension RESPValue {
    /// The value on one line, in the notation of the recorded transcripts.
    var notation: String {
        switch self {
        case .simpleString(let text): "+" + Escapes.text(text)
        case .error(let text): "-" + Escapes.text(text)
        case .integer(let number): ":\(number)"
        case .bulkString(let bytes): "\"" + Escapes.text(bytes) + "\""
        case .array(let elements): RESPValue.list(elements)
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .double(let value): ",\(value)"
        case .bigNumber(let digits): "(" + Escapes.text(digits)
        case .verbatimString(let format, let text): "=\"" + Escapes.text(format + [UInt8(ascii: ":")] + text) + "\""
        case .bulkError(let text): "!\"" + Escapes.text(text) + "\""
        case .map(let pairs): RESPValue.list(pairs)
        case .set(let elements): "~" + RESPValue.list(elements)
        case .push(let elements): ">" + RESPValue.list(elements)
        case .attributed(let attributes, let value): "|" + RESPValue.list(attributes) + " " + value.notation
        }
    }

    private static func list(_ elements: [RESPValue]) -> String {
        "[" + elements.map(\.notation).joined(separator: ", ") + "]"
    }

    private static func list(_ pairs: [RESPPair]) -> String {
        "{" + pairs.map { $0.key.notation + ": " + $0.value.notation }.joined(separator: ", ") + "}"
    }

    /// The bytes of the value in RESP3.
    var encoded: [UInt8] {
        switch self {
        case .simpleString(let text): RESPValue.line("+", text)
        case .error(let text): RESPValue.line("-", text)
        case .integer(let number): RESPValue.line(":", Array("\(number)".utf8))
        case .bulkString(let bytes): RESPValue.bulk("$", bytes)
        case .array(let elements): RESPValue.aggregate("*", elements.count, elements)
        case .null: RESPValue.line("_", [])
        case .boolean(let value): RESPValue.line("#", Array((value ? "t" : "f").utf8))
        case .double(let value): RESPValue.line(",", Array("\(value)".utf8))
        case .bigNumber(let digits): RESPValue.line("(", digits)
        case .verbatimString(let format, let text): RESPValue.bulk("=", format + [UInt8(ascii: ":")] + text)
        case .bulkError(let text): RESPValue.bulk("!", text)
        case .map(let pairs): RESPValue.aggregate("%", pairs.count, pairs.flatMap { [$0.key, $0.value] })
        case .set(let elements): RESPValue.aggregate("~", elements.count, elements)
        case .push(let elements): RESPValue.aggregate(">", elements.count, elements)
        case .attributed(let pairs, let value):
            RESPValue.aggregate("|", pairs.count, pairs.flatMap { [$0.key, $0.value] } + [value])
        }
    }

    private static func line(_ type: String, _ text: [UInt8]) -> [UInt8] { Array(type.utf8) + text + [13, 10] }

    private static func bulk(_ type: String, _ bytes: [UInt8]) -> [UInt8] {
        line(type, Array("\(bytes.count)".utf8)) + bytes + [13, 10]
    }

    private static func aggregate(_ type: String, _ count: Int, _ elements: [RESPValue]) -> [UInt8] {
        line(type, Array("\(count)".utf8)) + elements.flatMap(\.encoded)
    }
}
