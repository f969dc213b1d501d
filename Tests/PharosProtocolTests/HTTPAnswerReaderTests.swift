import PharosProtocol
import Testing

@Suite("HTTP answers of origins")
struct HTTPAnswerReaderTests {
    typealias Failure = HTTPAnswerReader.Failure

    @Test("an answer by length, whole or byte by byte", arguments: [1, 2, 7, 1_000])
    func length(pieces: Int) throws {
        let text =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Pharos-Channels: a\r\n"
            + "x-pharos-channels: b\r\nContent-Length: 5\r\n\r\nhello"
        let answer = try #require(try OriginWire.http(text, pieces: pieces))
        #expect(answer.status == 200)
        #expect(answer.contentType == "application/json")
        #expect(answer.channels == "a,b")
        #expect(answer.body == utf8("hello"))
        #expect(answer.keepsConnection)
    }

    @Test("an answer in chunks with extensions and trailers, whole or byte by byte", arguments: [1, 3, 1_000])
    func chunks(pieces: Int) throws {
        let text =
            "HTTP/1.1 200\r\ntransfer-encoding: Chunked\r\n\r\n3;x=1\r\nhel\r\n00A\r\nlo, world!\r\n0\r\nx: y\r\n\r\n"
        let answer = try #require(try OriginWire.http(text, pieces: pieces))
        #expect(answer.body == utf8("hello, world!"))
        #expect(answer.keepsConnection)
    }

    @Test("hints before the answer are passed over, and some answers have no body")
    func bodiless() throws {
        let hinted = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
        #expect(try OriginWire.http(hinted)?.status == 204)
        #expect(try OriginWire.http("HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n")?.body == [])
        #expect(try OriginWire.http("HTTP/1.1 200 OK\ncontent-length: 0\n\n")?.status == 200)
    }

    @Test("a connection is kept only if both sides want it and nothing follows")
    func keeping() throws {
        #expect(try OriginWire.http("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n")?.keepsConnection == false)
        let closing = "HTTP/1.1 200 OK\r\nConnection: foo, Close\r\ncontent-length: 0\r\n\r\n"
        #expect(try OriginWire.http(closing)?.keepsConnection == false)
        #expect(try OriginWire.http("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP")?.keepsConnection == false)
    }

    @Test("an answer without length ends with its connection; one that breaks off is none")
    func untilEnd() throws {
        var reader = HTTPAnswerReader(bodyLimit: 100)
        #expect(!reader.hasBegun)
        let none = try utf8("HTTP/1.1 200 OK\r\n\r\nhel").withUnsafeBytes { try reader.feed($0) }
        #expect(none == nil)
        #expect(reader.hasBegun)
        _ = try utf8("lo").withUnsafeBytes { try reader.feed($0) }
        #expect(try reader.finish().body == utf8("hello"))
        #expect(try reader.finish().keepsConnection == false)
        for text in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell"] {
            var reader = HTTPAnswerReader(bodyLimit: 100)
            _ = try utf8(text).withUnsafeBytes { try reader.feed($0) }
            #expect(throws: Failure.ended) { try reader.finish() }
        }
    }

    @Test(
        "what two readers could take for different things is malformed",
        arguments: [
            "HTTP/2 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n", "hello world, hello\r\n\r\n",
            "HTTP/1.1 101 X\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\n", "HTTP/1.1 200 OK\r\na: b\r\n folded\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\na : b\r\n\r\n",
            "HTTP/1.1 200 OK\r\na: b\0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab\r\n",
        ])
    func malformed(text: String) {
        #expect(throws: Failure.malformed) { try OriginWire.http(text) }
        #expect(throws: Failure.malformed) { try OriginWire.http(text, pieces: 1) }
    }

    @Test("an answer beyond the limit is refused as soon as that is known")
    func limits() {
        let limit = Failure.tooLarge
        #expect(throws: limit) { try OriginWire.http("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n", bodyLimit: 10) }
        #expect(throws: limit) {
            try OriginWire.http("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nB\r\n", bodyLimit: 10)
        }
        #expect(throws: limit) { try OriginWire.http("HTTP/1.1 200 OK\r\n\r\n0123456789a", bodyLimit: 10) }
        let endless = "HTTP/1.1 200 OK\r\nx: " + String(repeating: "a", count: HTTPAnswerReader.headLimit)
        #expect(throws: limit) { try OriginWire.http(endless) }
    }
}
