import Testing

@testable import PharosRedis

@Suite("RESP parser")
struct RESPParserTests {
    @Test(
        "every type",
        arguments: [
            (#"+OK\r\n"#, "+OK"), (#"+\r\n"#, "+"), (#"-ERR no\r\n"#, "-ERR no"), (#":0\r\n"#, ":0"),
            (#":+5\r\n"#, ":5"), (#":-9223372036854775808\r\n"#, ":-9223372036854775808"),
            (#":9223372036854775807\r\n"#, ":9223372036854775807"), (#"$0\r\n\r\n"#, #""""#),
            (#"$4\r\n\r\n\r\n\r\n"#, #""\r\n\r\n""#), (#"$-1\r\n"#, "null"), (#"*-1\r\n"#, "null"), (#"_\r\n"#, "null"),
            (#"*0\r\n"#, "[]"), (#"*2\r\n:1\r\n*1\r\n_\r\n"#, "[:1, [null]]"), (#"#t\r\n"#, "true"),
            (#"#f\r\n"#, "false"), (#",1.23\r\n"#, ",1.23"), (#",10\r\n"#, ",10.0"), (#",-1.5e-3\r\n"#, ",-0.0015"),
            (#",1E+2\r\n"#, ",100.0"), (#",inf\r\n"#, ",inf"), (#",-inf\r\n"#, ",-inf"), (#",nan\r\n"#, ",nan"),
            (#",-nan\r\n"#, ",nan"), (#"(-34928903284092\r\n"#, "(-34928903284092"), (#"(+1\r\n"#, "(+1"),
            (#"=4\r\ntxt:\r\n"#, #"="txt:""#), (#"!3\r\nE\r\n\r\n"#, #"!"E\r\n""#),
            (#"%1\r\n+a\r\n%0\r\n"#, "{+a: {}}"), (#"~2\r\n:1\r\n:1\r\n"#, "~[:1, :1]"), (#">1\r\n+a\r\n"#, ">[+a]"),
            (#"|1\r\n+a\r\n:1\r\n*1\r\n:2\r\n"#, "|{+a: :1} [:2]"), (#"|0\r\n+a\r\n"#, "|{} +a"),
            (#"*1\r\n|1\r\n+a\r\n:1\r\n|0\r\n:2\r\n"#, "[|{+a: :1} |{} :2]"),
            (#"|1\r\n+a\r\n:1\r\n>1\r\n+b\r\n"#, "|{+a: :1} >[+b]"), (#"$005\r\nhello\r\n"#, #""hello""#),
        ])
    func types(text: String, notation: String) {
        #expect(Parsed(text).notations == [notation])
        #expect(Parsed(Escapes.bytes(text).everyByte).notations == [notation])
    }

    @Test(
        "each malformed form has its error",
        arguments: [
            (#"HTTP/1.1 400\r\n"#, RESPError.unknownType(72)), (#"\r\n"#, .malformedLine), (#"+a\n"#, .malformedLine),
            (#"+a\rb"#, .malformedLine), (#"$1\r\nabc"#, .missingTerminator), (#"$1\r\na\rb"#, .missingTerminator),
            (#"$\r\n"#, .malformedLength), (#"$-2\r\n"#, .malformedLength), (#"*+1\r\n"#, .malformedLength),
            (#"%-1\r\n"#, .malformedLength), (#"!-1\r\n"#, .malformedLength), (#"$1a\r\n"#, .malformedLength),
            (#"*99999999999999999999\r\n"#, .malformedLength), (#":\r\n"#, .malformedInteger),
            (#":-\r\n"#, .malformedInteger), (#":1.0\r\n"#, .malformedInteger),
            (#":9223372036854775808\r\n"#, .malformedInteger), (#":-9223372036854775809\r\n"#, .malformedInteger),
            (#"_x\r\n"#, .malformedNull), (#"#\r\n"#, .malformedBoolean), (#"#T\r\n"#, .malformedBoolean),
            (#"#tt\r\n"#, .malformedBoolean), (#",\r\n"#, .malformedDouble), (#",1.\r\n"#, .malformedDouble),
            (#",.5\r\n"#, .malformedDouble), (#",0x10\r\n"#, .malformedDouble), (#",infinity\r\n"#, .malformedDouble),
            (#",1e\r\n"#, .malformedDouble), (#"(\r\n"#, .malformedBigNumber), (#"(+\r\n"#, .malformedBigNumber),
            (#"(12x\r\n"#, .malformedBigNumber), (#"=3\r\n"#, .malformedVerbatimString),
            (#"=4\r\ntext\r\n"#, .malformedVerbatimString), (#"$?\r\n"#, .streamed), (#"*?\r\n"#, .streamed),
            (#";4\r\n"#, .streamed), (#".\r\n"#, .streamed), (#"*1\r\n>1\r\n"#, .nestedPush),
            (#"|1\r\n>1\r\n"#, .nestedPush),
        ])
    func malformed(text: String, error: RESPError) {
        #expect(Parsed(text).error == error)
        #expect(Parsed(Escapes.bytes("+fine\\r\\n" + text).everyByte).error == error)
        #expect(Parsed("+fine\\r\\n" + text).notations == ["+fine"])
    }

    @Test(
        "each limit lets a value of its size pass, and refuses the next",
        arguments: [
            (#"+123456789\r\n"#, #"+1234567890\r\n"#, RESPError.lineTooLong),
            (#"$9\r\n123456789\r\n"#, #"$10\r\n"#, .bulkTooLong),
            (#"*2\r\n*2\r\n_\r\n_\r\n_\r\n"#, #"*2\r\n*3\r\n"#, .tooManyElements),
            (#"%2\r\n_\r\n_\r\n_\r\n_\r\n"#, #"%3\r\n"#, .tooManyElements),
            (#"*1\r\n~1\r\n*0\r\n"#, #"*1\r\n~1\r\n*1\r\n"#, .tooDeep),
            (
                #"*3\r\n$9\r\n123456789\r\n$9\r\n123456789\r\n_\r\n"#,
                #"*3\r\n$9\r\n123456789\r\n$9\r\n123456789\r\n$3\r\n"#, .valueTooLong
            ),
        ])
    func limits(accepted: String, refused: String, error: RESPError) {
        let limits = RESPLimits(lineBytes: 10, bulkBytes: 9, elements: 4, depth: 2, valueBytes: 27)
        let twice = Parsed(accepted + accepted, limits: limits)
        #expect(twice.error == nil)
        #expect(twice.values.count == 2)
        #expect(Parsed(accepted + refused, limits: limits).error == error)
    }

    @Test("after an error nothing is read, whatever comes")
    func failedForEver() {
        var parser = RESPParser()
        for text in [#"?\r\n"#, #"+OK\r\n"#, ""] {
            Escapes.bytes(text).withUnsafeBytes { bytes in
                var input = bytes
                #expect(throws: RESPError.unknownType(63)) { try parser.next(&input) }
            }
        }
    }

    @Test("nesting costs no stack: a million levels are refused, the deepest allowed are read")
    func deepNesting() {
        let level = Array("*1\r\n".utf8)
        let million = [UInt8]((0..<1_000_000).lazy.flatMap { _ in level })
        #expect(Parsed(CollectionOfOne(million[...])).error == .tooDeep)
        let limits = RESPLimits(depth: RESPLimits.deepest)
        let deepest = [UInt8]((0..<RESPLimits.deepest).lazy.flatMap { _ in level }) + Array("_\r\n".utf8)
        let parsed = Parsed(CollectionOfOne(deepest[...]), limits: limits)
        #expect(parsed.error == nil)
        #expect(parsed.values == parsed.values.map { $0 })
        #expect(parsed.values.count == 1)
    }

    /// Work that grew with the square of the size would take hours.
    @Test("large values byte by byte take time in proportion to their size", .timeLimit(.minutes(1)))
    func linearTime() {
        let large = Array("$2000000\r\n".utf8) + [UInt8](repeating: 97, count: 2_000_000) + Array("\r\n".utf8)
        #expect(Parsed(large.everyByte).values == [.bulkString([UInt8](repeating: 97, count: 2_000_000))])
        let many = Array("*100000\r\n".utf8) + [UInt8]((0..<100_000).lazy.flatMap { _ in Array(":1\r\n".utf8) })
        #expect(Parsed(many.everyByte).values == [.array([RESPValue](repeating: .integer(1), count: 100_000))])
        let line = RESPLimits(lineBytes: 300_001)
        let long = Array("+".utf8) + [UInt8](repeating: 97, count: 300_000) + Array("\r\n".utf8)
        #expect(Parsed(long.everyByte, limits: line).values.count == 1)
    }
}
