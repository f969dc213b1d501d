/// Values: texts, numbers, booleans, times, lists and inline tables.
extension TOMLScanner {
    mutating func readValue(depth: Int) throws(TOMLError) -> TOMLNode {
        guard depth < TOMLDocument.depthLimit else { throw fault("nested too deeply") }
        try count(1)
        let line = line
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let isLong = sees(three: peek ?? 0)
            return TOMLNode(.text(isLong ? try readLongText() : try readLineText()), line: line)
        case UInt8(ascii: "["): return TOMLNode(.list(try readList(depth)), line: line)
        case UInt8(ascii: "{"): return TOMLNode(try readInlineTable(depth), line: line)
        default: return TOMLNode(.plain(try readPlain()), line: line)
        }
    }

    private mutating func readList(_ depth: Int) throws(TOMLError) -> [TOMLNode] {
        let start = line
        advance()
        var items: [TOMLNode] = []
        while true {
            try skipBlankLines()
            if take(UInt8(ascii: "]")) { return items }
            guard peek != nil else { throw TOMLError(message: "a list that is not closed", line: start) }
            items.append(try readValue(depth: depth + 1))
            try skipBlankLines()
            if !take(UInt8(ascii: ",")), peek != UInt8(ascii: "]") { throw fault("expected `,` or `]` in a list") }
        }
    }

    private mutating func readInlineTable(_ depth: Int) throws(TOMLError) -> TOMLNode.Value {
        let table = TOMLTable(line: line)
        advance()
        skipSpaces()
        if take(UInt8(ascii: "}")) { return table.node.value }
        while true {
            let line = line
            let path = try readKey()
            try count(path.count - 1)
            try expectEquals()
            let node = try readValue(depth: depth + path.count)
            var section = table
            for name in path.dropLast() { section = try section.section(name, line) }
            try section.set(path[path.count - 1], node, line)
            skipSpaces()
            if take(UInt8(ascii: "}")) { return table.node.value }
            guard take(UInt8(ascii: ",")) else { throw fault("expected `,` or `}` in a table") }
        }
    }

    // MARK: Plain values

    private mutating func readPlain() throws(TOMLError) -> String {
        var text = readRun()
        // A time may stand behind its date with a space between them.
        if text.utf8.count == 10, text.contains("-"), peek == UInt8(ascii: " "), let next = peek(at: 1),
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= next
        {
            advance()
            text += " " + readRun()
        }
        if text == "true" || text == "false" { return text }
        if let number = TOMLScanner.integer(text) ?? TOMLScanner.float(text) { return number }
        guard TOMLScanner.isTime(text) else {
            throw fault(text.isEmpty ? "expected a value" : "not a value: texts stand between quotes")
        }
        return text
    }

    private mutating func readRun() -> String {
        var run: [UInt8] = []
        while let byte = peek, TOMLScanner.isBare(byte) || "+.:".utf8.contains(byte) {
            run.append(byte)
            advance()
        }
        return String(decoding: run, as: UTF8.self)
    }

    /// In decimals without underscores; nil: it is no integer of 64 bits.
    private static func integer(_ text: String) -> String? {
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where text.hasPrefix(prefix) {
            guard let digits = digits(text.dropFirst(2)), digits.first != "-", digits.first != "+" else { return nil }
            return Int(digits, radix: radix).map { "\($0)" }
        }
        let unsigned = text.first == "-" || text.first == "+" ? text.dropFirst() : Substring(text)
        guard let digits = digits(unsigned), digits.allSatisfy({ $0.isASCII && $0.isNumber }),
            digits == "0" || digits.first != "0"
        else { return nil }
        return Int((text.first == "-" ? "-" : "") + digits).map { "\($0)" }
    }

    private static func float(_ text: String) -> String? {
        let unsigned = text.first == "-" || text.first == "+" ? text.dropFirst() : Substring(text)
        if unsigned == "inf" || unsigned == "nan" { return text.first == "+" ? String(unsigned) : text }
        guard let first = unsigned.first, let last = unsigned.last, first.isNumber, last.isNumber,
            unsigned.allSatisfy({ $0.isNumber || "_.eE+-".contains($0) }), !unsigned.contains(":"),
            unsigned.contains(where: { ".eE".contains($0) }), let digits = digits(unsigned), Double(digits) != nil
        else { return nil }
        return (text.first == "-" ? "-" : "") + digits
    }

    /// Without underscores, each of which has to stand between two digits.
    private static func digits(_ text: Substring) -> String? {
        guard text.first != "_", text.last != "_", !text.contains("__"), !text.isEmpty else { return nil }
        return text.filter { $0 != "_" }
    }

    /// A date, a time, or both: RFC 3339.
    private static func isTime(_ text: String) -> Bool {
        guard let first = text.first, first.isNumber, text.utf8.count >= 8, text.utf8.count <= 40 else { return false }
        return (text.contains("-") || text.contains(":"))
            && text.allSatisfy { $0.isASCII && $0.isNumber || "-:.+ TtZz".contains($0) }
    }
}
