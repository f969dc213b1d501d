import PharosBytes
import Testing

@testable import PharosRedis

@Suite("RESP writer")
struct RESPWriterTests {
    private func written(_ write: (inout RESPWriter) -> Void) -> String {
        var writer = RESPWriter(capacity: 16)
        write(&writer)
        return Escapes.text(writer.output.array)
    }

    @Test("a command is an array of bulk strings, whatever its arguments")
    func command() {
        let command: RedisCommand = ["SET", .bytes([0, 13, 10, 255]), "é", -10, 0, ""]
        #expect(
            written { $0.append(command) }
                == #"*6\r\n$3\r\nSET\r\n$4\r\n\x00\r\n\xff\r\n$2\r\n\xc3\xa9\r\n$3\r\n-10\r\n$1\r\n0\r\n$0\r\n\r\n"#)
    }

    @Test(
        "integers have the length of their digits",
        arguments: [
            (Int64.min, #"$20\r\n-9223372036854775808\r\n"#), (.max, #"$19\r\n9223372036854775807\r\n"#),
            (9, #"$1\r\n9\r\n"#), (10, #"$2\r\n10\r\n"#), (-1, #"$2\r\n-1\r\n"#),
        ])
    func integers(number: Int64, text: String) {
        #expect(written { $0.append([.integer(number)]) } == #"*1\r\n"# + text)
    }

    @Test("a pipeline is its commands one behind the other")
    func pipeline() {
        #expect(
            written { $0.append([["PING"], ["GET", "a"]]) } == #"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n"#)
    }

    @Test("a command can be written argument by argument")
    func parts() {
        let text = written {
            $0.begin(argumentCount: 3)
            $0.append(argument: "XADD")
            $0.append(argument: [1, 2])
            $0.append(argument: 12)
        }
        #expect(text == #"*3\r\n$4\r\nXADD\r\n$2\r\n\x01\x02\r\n$2\r\n12\r\n"#)
    }
}
