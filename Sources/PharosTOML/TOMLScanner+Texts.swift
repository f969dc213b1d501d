/// Texts: basic and literal, of one line and of several.
extension TOMLScanner {
    /// A text that ends on its own line.
    mutating func readLineText() throws(TOMLError) -> String {
        guard let quote = peek else { throw fault("expected a text") }
        advance()
        var content: [UInt8] = []
        while let byte = peek {
            if byte == quote {
                advance()
                return String(decoding: content, as: UTF8.self)
            }
            if TOMLScanner.isControl(byte) { break }
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                try readEscape(into: &content)
            } else {
                content.append(byte)
                advance()
            }
        }
        throw fault("a text that is not closed on its line")
    }

    /// A text between three quotes and three quotes.
    mutating func readLongText() throws(TOMLError) -> String {
        guard let quote = peek else { throw fault("expected a text") }
        let start = line
        advance(3)
        if peek == UInt8(ascii: "\r"), peek(at: 1) == UInt8(ascii: "\n") { advance() }
        if peek == UInt8(ascii: "\n") { advance() }
        var content: [UInt8] = []
        while let byte = peek {
            if sees(three: quote) {
                advance(3)
                // Up to two more quotes belong to the text.
                for _ in 0..<2 where peek == quote {
                    content.append(quote)
                    advance()
                }
                return String(decoding: content, as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                if skipLineContinuation() { continue }
                try readEscape(into: &content)
                continue
            }
            if TOMLScanner.isControl(byte), byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") {
                throw fault("a control character in a text")
            }
            content.append(byte)
            advance()
        }
        throw TOMLError(message: "a text of several lines that is not closed", line: start)
    }

    /// A backslash at the end of a line, with the space that follows it.
    private mutating func skipLineContinuation() -> Bool {
        var offset = 1
        while peek(at: offset) == UInt8(ascii: " ") || peek(at: offset) == UInt8(ascii: "\t") { offset += 1 }
        if peek(at: offset) == UInt8(ascii: "\r") { offset += 1 }
        guard peek(at: offset) == UInt8(ascii: "\n") else { return false }
        advance(offset)
        while let byte = peek, [UInt8(ascii: " "), UInt8(ascii: "\t"), 0x0a, 0x0d].contains(byte) { advance() }
        return true
    }

    private mutating func readEscape(into content: inout [UInt8]) throws(TOMLError) {
        advance()
        guard let byte = peek else { throw fault("a text that is not closed") }
        advance()
        switch byte {
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "n"): content.append(0x0a)
        case UInt8(ascii: "f"): content.append(0x0c)
        case UInt8(ascii: "r"): content.append(0x0d)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): content.append(byte)
        case UInt8(ascii: "u"): content += try readScalar(digits: 4)
        case UInt8(ascii: "U"): content += try readScalar(digits: 8)
        default: throw fault("an escape that TOML does not have")
        }
    }

    private mutating func readScalar(digits: Int) throws(TOMLError) -> [UInt8] {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let byte = peek, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
                throw fault("an escape that is no character")
            }
            value = value << 4 | UInt32(digit)
            advance()
        }
        guard let scalar = UnicodeScalar(value) else { throw fault("an escape that is no character") }
        return Array(String(Character(scalar)).utf8)
    }
}
