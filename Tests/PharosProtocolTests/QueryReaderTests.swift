import PharosDomain
import PharosProtocol
import Testing

@Suite("Query strings")
struct QueryReaderTests {
    private func pairs(_ query: String, limit: Int = 1_024) -> Result<[String], ParameterError> {
        utf8(query).withUnsafeBytes { bytes in
            var reader = QueryReader(bytes, pairLimit: limit)
            var pairs: [String] = []
            do throws(ParameterError) {
                while let (name, value) = try reader.next() { pairs.append("\(name)=\(value)") }
                return .success(pairs)
            } catch {
                return .failure(error)
            }
        }
    }

    @Test("names and values, decoded, in order")
    func decoding() {
        #expect(pairs("") == .success([]))
        #expect(pairs("a=1&b=2&a=3") == .success(["a=1", "b=2", "a=3"]))
        #expect(pairs("a&b=&=c&&") == .success(["a=", "b=", "=c"]))
        #expect(pairs("a=b=c") == .success(["a=b=c"]))
        #expect(pairs("x+y=1%2B2+3&%63h=%e2%82%AC") == .success(["x y=1+2 3", "ch=€"]))
        #expect(pairs("a=%26%3D%25") == .success(["a=&=%"]))
    }

    @Test("bad escapes and what is no UTF-8 are errors that name the parameter")
    func strictness() {
        for value in ["%", "%4", "%4g", "%g4", "%%41", "%ff", "%c3", "%ED%A0%80"] {
            #expect(pairs("a=\(value)") == .failure(ParameterError("a", "malformed value")), "\(value)")
        }
        #expect(pairs("%=1") == .failure(ParameterError("", "malformed name of a parameter")))
    }

    @Test("more parameters than the limit are an error")
    func limit() {
        #expect(pairs("a&b", limit: 2) == .success(["a=", "b="]))
        #expect(pairs("a&b&c", limit: 2) == .failure(ParameterError("", "too many parameters")))
    }

    @Test("the first of a name")
    func first() throws {
        func first(_ name: FieldName) throws -> String? {
            try utf8("a=1&cf_connect=%7B%7D&cf_connect=2&bad=%").withUnsafeBytes {
                try QueryReader.first(name, in: $0)
            }
        }
        #expect(try first("cf_connect") == "{}")
        #expect(throws: ParameterError("bad", "malformed value")) { try first("none") }
    }
}
