/// The bytes of a document and the place that has been reached.
struct TOMLScanner {
    private let bytes: [UInt8]
    private(set) var position = 0
    private(set) var line = 1
    private var valuesLeft = TOMLDocument.valueLimit

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    func peek(at offset: Int) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        advance()
        return true
    }

    /// Three of the same byte, as they open and close texts of several lines.
    func sees(three byte: UInt8) -> Bool {
        peek == byte && peek(at: 1) == byte && peek(at: 2) == byte
    }

    /// Counts values and tables against the limit of a document.
    mutating func count(_ values: Int) throws(TOMLError) {
        valuesLeft -= values
        if valuesLeft < 0 { throw fault("more than \(TOMLDocument.valueLimit) values") }
    }

    func fault(_ message: String) -> TOMLError { TOMLError(message: message, line: line) }

    // MARK: Space

    mutating func skipSpaces() {
        while peek == UInt8(ascii: " ") || peek == UInt8(ascii: "\t") { advance() }
    }

    /// Spaces, comments and line ends.
    mutating func skipBlankLines() throws(TOMLError) {
        while true {
            skipSpaces()
            if peek == UInt8(ascii: "#") { try skipComment() }
            guard try takeLineEnd() else { return }
        }
    }

    /// The rest of a line after a value or a header: nothing but a comment.
    mutating func endLine() throws(TOMLError) {
        skipSpaces()
        if peek == UInt8(ascii: "#") { try skipComment() }
        let ended = try takeLineEnd()
        if !ended, peek != nil { throw fault("more than one value on a line") }
    }

    private mutating func takeLineEnd() throws(TOMLError) -> Bool {
        if peek == UInt8(ascii: "\r"), peek(at: 1) == UInt8(ascii: "\n") { advance() }
        return take(UInt8(ascii: "\n"))
    }

    private mutating func skipComment() throws(TOMLError) {
        while let byte = peek, byte != UInt8(ascii: "\n") {
            let isReturn = byte == UInt8(ascii: "\r") && peek(at: 1) == UInt8(ascii: "\n")
            if !isReturn, TOMLScanner.isControl(byte) { throw fault("a control character in a comment") }
            advance()
        }
    }

    /// All but the tab.
    static func isControl(_ byte: UInt8) -> Bool {
        byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7f
    }

    // MARK: Keys

    /// `a`, `a.b` or `"a b".c`.
    mutating func readKey() throws(TOMLError) -> [String] {
        var path: [String] = []
        repeat {
            skipSpaces()
            path.append(try readKeyPart())
            if path.count > TOMLDocument.depthLimit { throw fault("a key with too many parts") }
            skipSpaces()
        } while take(UInt8(ascii: "."))
        return path
    }

    private mutating func readKeyPart() throws(TOMLError) -> String {
        if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") { return try readLineText() }
        var part: [UInt8] = []
        while let byte = peek, TOMLScanner.isBare(byte) {
            part.append(byte)
            advance()
        }
        if part.isEmpty { throw fault("expected a key") }
        return String(decoding: part, as: UTF8.self)
    }

    static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    mutating func expectEquals() throws(TOMLError) {
        skipSpaces()
        guard take(UInt8(ascii: "=")) else { throw fault("expected `=` after a key") }
        skipSpaces()
    }
}
