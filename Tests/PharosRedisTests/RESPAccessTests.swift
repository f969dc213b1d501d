import Testing

@testable import PharosRedis

@Suite("Reading replies")
struct RESPAccessTests {
    private func value(_ text: String) -> RESPValue { Parsed(text).values[0] }

    @Test("each reader gives what is there, and skips attributes")
    func readers() throws {
        #expect(try value(#"|1\r\n+a\r\n:1\r\n:5\r\n"#).integer() == 5)
        #expect(try value(#"#t\r\n"#).boolean())
        #expect(try !value(#":0\r\n"#).boolean())
        #expect(try value(#",1.5\r\n"#).double() == 1.5)
        #expect(try value(#"$4\r\n-inf\r\n"#).double() == -.infinity)
        #expect(try value(#"$2\r\nhi\r\n"#).text() == "hi")
        #expect(try value(#"+hi\r\n"#).text() == "hi")
        #expect(try value(#"=6\r\ntxt:hi\r\n"#).text() == "hi")
        #expect(try value(#"_\r\n"#).bytesOrNil() == nil)
        #expect(try value(#"$0\r\n\r\n"#).bytesOrNil() == [])
        #expect(try value(#"~1\r\n:1\r\n"#).elements() == [.integer(1)])
        try value(#"+OK\r\n"#).expectOK()
    }

    @Test("nothing is converted: another type is said to be there")
    func otherTypes() {
        let text = RESPValue.bulkString(Array("5".utf8))
        #expect(throws: RedisReplyError.unexpected(found: .bulkString, expected: .integer)) { try text.integer() }
        #expect(throws: RedisReplyError.unexpected(found: .integer, expected: .bulkString)) {
            try RESPValue.integer(5).bytes()
        }
        #expect(throws: RedisReplyError.unexpected(found: .integer, expected: .boolean)) {
            try RESPValue.integer(2).boolean()
        }
        #expect(throws: RedisReplyError.unexpected(found: .null, expected: .array)) { try RESPValue.null.elements() }
        #expect(throws: RedisReplyError.unexpected(found: .set, expected: .map)) { try RESPValue.set([]).pairs() }
        #expect(throws: RedisReplyError.unexpected(found: .bulkString, expected: .double)) {
            try RESPValue.bulkString([]).double()
        }
        #expect(throws: RedisReplyError.unexpected(found: .bulkString, expected: .simpleString)) {
            try RESPValue.bulkString(Array("OK".utf8)).expectOK()
        }
        #expect(throws: RedisReplyError.invalidText) { try RESPValue.bulkString([0xFF]).text() }
    }

    @Test("an error of the server is thrown as such, by every reader")
    func serverErrors() {
        let failed = RESPValue.bulkError(Array("LOADING later".utf8))
        let expected = RedisReplyError.server(RedisServerError(Array("LOADING later".utf8)))
        #expect(throws: expected) { try failed.integer() }
        #expect(throws: expected) { try failed.bytesOrNil() }
        #expect(throws: expected) { try failed.pairs() }
        #expect(throws: expected) { try failed.expectOK() }
    }

    @Test("HELLO and XINFO of a real server read the same in both versions", arguments: [2, 3])
    func maps(version: Int) throws {
        let replies = Parsed(CollectionOfOne(Transcript("streams-resp\(version)").received[...])).values
        #expect(try replies[0].value(for: "proto").integer() == Int64(version))
        let group = try replies[9].value(for: "groups").elements()[0]
        #expect(try group.value(for: "name").text() == "group")
        #expect(throws: RedisReplyError.missing("nonsense")) { try group.value(for: "nonsense") }
        let range = try replies[4].elements().map { try $0.elements() }
        #expect(try range.map { try $0[0].text() } == ["0-1", "0-2", "0-3"])
        #expect(try range[1][1].value(for: "data").bytes() == [1, 13, 10, 50])
    }

    @Test("a flat array of an odd number of elements is no map")
    func oddCount() {
        #expect(throws: RedisReplyError.oddCount(1)) { try RESPValue.array([.null]).pairs() }
    }
}
