import PharosEdge
import Testing

@Suite("request head")
struct RequestHeadTests {
    /// The result of reading a head, as text: it outlives the bytes.
    private enum Outcome: Equatable {
        case incomplete, http2Preface
        case complete(length: Int)
        case refused(Int)
    }

    private static let limit = 16_384

    private func parse(_ text: String, limit: Int = limit) -> Outcome {
        parse(Array(text.utf8), limit: limit)
    }

    private func parse(_ bytes: [UInt8], limit: Int = limit) -> Outcome {
        bytes.withUnsafeBytes { bytes in
            switch RequestHead.parse(bytes, limit: limit) {
            case .incomplete: .incomplete
            case .http2Preface: .http2Preface
            case .complete(let head): .complete(length: head.length)
            case .refused(let status): .refused(status)
            }
        }
    }

    /// Parses a head that must be complete and looks at it.
    private func with<Result>(_ text: String, _ body: (RequestHead) -> Result) -> Result? {
        Array(text.utf8).withUnsafeBytes { bytes in
            guard case .complete(let head) = RequestHead.parse(bytes, limit: Self.limit) else { return nil }
            return body(head)
        }
    }

    private func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("method, target, path and query are slices of the request line")
    func requestLine() {
        let parts = with("GET /connection/websocket?a=1&b=%20?c HTTP/1.1\r\nHost: a\r\n\r\n") { head in
            [head.method, head.target, head.path, head.query].map(text)
        }
        #expect(parts == ["GET", "/connection/websocket?a=1&b=%20?c", "/connection/websocket", "a=1&b=%20?c"])
    }

    @Test("a query may be empty or missing", arguments: ["/x", "/x?"])
    func emptyQuery(target: String) {
        let parts = with("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") { [$0.path, $0.query].map(text) }
        #expect(parts == ["/x", ""])
    }

    @Test("an absolute target has a path like any other")
    func absoluteTarget() {
        func path(_ target: String) -> [String]? {
            with("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") { [$0.path, $0.query].map(text) }
        }
        #expect(path("http://a:80/x/y?q") == ["/x/y", "q"])
        #expect(path("HTTPS://a?q") == ["/", "q"])
        #expect(path("http://a") == ["/", ""])
    }

    @Test(
        "targets of no known form are refused",
        arguments: ["x", "*", "http:///x", "ftp://a/", "//a#b", "/#", "/\u{e9}"])
    func badTargets(target: String) {
        #expect(parse("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n") == .refused(400))
    }

    @Test("OPTIONS * and CONNECT host:port are understood")
    func otherForms() {
        #expect(with("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n") { text($0.path) } == "*")
        #expect(with("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n") { text($0.target) } == "a:443")
    }

    @Test("a head that is cut anywhere is incomplete")
    func cutAnywhere() {
        let whole = Array(
            "POST /api/publish?x=1 HTTP/1.1\r\nHost: a.example:8000\r\nContent-Length: 12\r\nX-Key:\t k \r\n\r\n".utf8)
        for count in 0..<whole.count { #expect(parse(Array(whole[..<count])) == .incomplete, "cut after \(count)") }
        #expect(parse(whole) == .complete(length: whole.count))
    }

    @Test("what follows the head is left alone, even if it is no request")
    func pipelined() {
        let first = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(parse(first + "GET /second HTTP/1.1\r\nHost: b\r\n\r\n") == .complete(length: first.utf8.count))
        #expect(parse(first + "\0\u{1}nonsense") == .complete(length: first.utf8.count))
        #expect(with(first + "X: y\r\n\r\n") { $0.headerCount("x") } == 0)
    }

    @Test("one empty line before the request is passed over, two are not")
    func emptyLineBefore() {
        #expect(parse("\r\nGET / HTTP/1.0\r\n\r\n") == .complete(length: 20))
        #expect(parse("\r\n\r\nGET / HTTP/1.0\r\n\r\n") == .refused(400))
    }

    @Test("the first bytes of HTTP/2 are recognised when all of them are there")
    func http2() {
        let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        for count in 0..<preface.count { #expect(parse(Array(preface[..<count])) == .incomplete) }
        #expect(parse(preface) == .http2Preface)
        #expect(parse(preface + [0, 0, 0, 4]) == .http2Preface)
        #expect(parse("PRI * HTTP/2.0\r\n\r\nXX") == .refused(400))
    }

    @Test("a TLS hello on this port is refused at its first byte")
    func tlsHello() {
        #expect(parse([0x16]) == .refused(400))
        #expect(parse([0x16, 0x03, 0x01, 0x02, 0x00]) == .refused(400))
    }

    @Test("the head limit answers 431, whether or not the head is complete")
    func headLimit() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 100) + "\r\n\r\n"
        let count = head.utf8.count
        #expect(parse(head, limit: count) == .complete(length: count))
        #expect(parse(head, limit: count - 1) == .refused(431))
        #expect(parse(Array(head.utf8.prefix(50)), limit: 50) == .refused(431))
        #expect(parse(Array(head.utf8.prefix(49)), limit: 50) == .incomplete)
    }

    @Test("a target longer than 16 KiB answers 414, as soon as it is too long")
    func targetLimit() {
        let longest = "/" + String(repeating: "a", count: RequestHead.targetLimit - 1)
        let head = "GET \(longest) HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(parse(head, limit: 32_768) == .complete(length: head.utf8.count))
        #expect(parse("GET \(longest)a HTTP/1.1\r\nHost: a\r\n\r\n", limit: 32_768) == .refused(414))
        #expect(parse("GET \(longest)a", limit: 32_768) == .refused(414))
    }

    @Test(
        "malformed request lines are refused",
        arguments: [
            "GET  / HTTP/1.1", " GET / HTTP/1.1", "GET / HTTP/1.1 ", "GET / http/1.1", "GET /", "GET / HTTP/1",
            "GET / HTTP/11.1",
            "GET / HTTP/1.10", "G@T / HTTP/1.1", "GET\t/ HTTP/1.1", "GET /a b HTTP/1.1", "GET /\u{0} HTTP/1.1",
            "GET /\u{7f} HTTP/1.1",
        ])
    func malformedRequestLines(line: String) {
        #expect(parse(line + "\r\nHost: a\r\n\r\n") == .refused(400))
    }

    @Test("only major version 1 is served; later minor ones count as 1.1")
    func versions() {
        #expect(parse("GET / HTTP/2.0\r\nHost: a\r\n\r\n") == .refused(505))
        #expect(parse("GET / HTTP/0.9\r\nHost: a\r\n\r\n") == .refused(505))
        #expect(with("GET / HTTP/1.9\r\nHost: a\r\n\r\n") { $0.minorVersion } == 1)
        #expect(with("GET / HTTP/1.0\r\n\r\n") { $0.minorVersion } == 0)
    }

    @Test(
        "field lines that two servers could read differently are refused",
        arguments: [
            "X: a\nY: b", "X : a", " X: a", "X: a\r\n folded", "X: a\r\n\tfolded", "X", ": a", "X: a\rY: b",
            "X: a\u{0}b",
            "X: \u{1}", "X: \u{7f}", "X(: a", "X\u{e9}: a", "X: a\r\r",
        ])
    func smuggledLines(line: String) {
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n") == .refused(400))
    }

    @Test(
        "bare line feeds are refused everywhere",
        arguments: [
            "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        ])
    func bareLineFeed(head: String) {
        #expect(parse(head) == .refused(400))
    }

    @Test(
        "lengths that are not one plain number are refused",
        arguments: [
            "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 5, 5",
            "Content-Length: +5", "Content-Length: -1", "Content-Length: 0x5", "Content-Length: 5 5", "Content-Length:",
            "Content-Length: 5a", "Content-Length: 9999999999999999999999",
        ])
    func badLengths(lines: String) {
        #expect(parse("POST / HTTP/1.1\r\nHost: a\r\n\(lines)\r\n\r\n") == .refused(400))
    }

    @Test(
        "a length is a plain number, leading zeros and white space aside",
        arguments: [
            ("Content-Length: 0", 0), ("content-length:42", 42), ("CONTENT-LENGTH: \t 0042 \t", 42), ("X: 1", -1),
        ])
    func lengths(line: String, length: Int) {
        #expect(with("POST / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n") { $0.contentLength } == length)
    }

    @Test("chunks and a length together, or chunks in HTTP/1.0, are refused")
    func chunksAndLength() {
        let chunked = "Transfer-Encoding: chunked\r\n"
        let length = "Content-Length: 5\r\n"
        #expect(parse("POST / HTTP/1.1\r\nHost: a\r\n\(chunked)\(length)\r\n") == .refused(400))
        #expect(parse("POST / HTTP/1.1\r\nHost: a\r\n\(length)\(chunked)\r\n") == .refused(400))
        #expect(parse("POST / HTTP/1.0\r\nHost: a\r\n\(chunked)\r\n") == .refused(400))
        #expect(with("POST / HTTP/1.1\r\nHost: a\r\n\(chunked)\r\n") { $0.isChunked } == true)
        #expect(with("POST / HTTP/1.1\r\nHost: a\r\n\(length)\r\n") { $0.isChunked } == false)
    }

    @Test(
        "no transfer coding but chunked is taken",
        arguments: [
            ("gzip, chunked", 501), ("chunked, gzip", 400), ("identity", 400), ("xchunked", 400), ("", 400),
            ("chunked\r\nTransfer-Encoding: chunked", 400), ("\u{b}chunked", 400),
        ])
    func transferCodings(value: String, status: Int) {
        #expect(parse("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \(value)\r\n\r\n") == .refused(status))
    }

    @Test("HTTP/1.1 names exactly one host, HTTP/1.0 at most one")
    func hosts() {
        #expect(parse("GET / HTTP/1.1\r\n\r\n") == .refused(400))
        #expect(parse("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n") == .refused(400))
        #expect(parse("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n") == .refused(400))
        #expect(parse("GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n") == .complete(length: 36))
        for host in ["a b", "a/b", "user@a", "a\"", "\u{e9}"] {
            #expect(parse("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == .refused(400), "\(host)")
        }
    }

    @Test(
        "whether the connection stays open follows from version and Connection",
        arguments: [
            ("1.1", "X: y", true), ("1.1", "Connection: close", false), ("1.1", "Connection: keep-alive, Close", false),
            ("1.1", "Connection: upgrade\r\nConnection: close", false), ("1.0", "X: y", false),
            ("1.0", "Connection: Keep-Alive", true), ("1.0", "Connection: keep-alive, close", false),
            ("1.1", "Connection: closed", true),
        ])
    func keepAlive(version: String, line: String, stays: Bool) {
        #expect(with("GET / HTTP/\(version)\r\nHost: a\r\n\(line)\r\n\r\n") { $0.keepsAlive } == stays)
    }

    @Test("a client that waits for 100 Continue is noticed, but not one of HTTP/1.0")
    func expectContinue() {
        #expect(with("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n") { $0.expectsContinue } == true)
        #expect(with("POST / HTTP/1.1\r\nHost: a\r\n\r\n") { $0.expectsContinue } == false)
        #expect(with("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n\r\n") { $0.expectsContinue } == false)
    }

    @Test("headers are found in any case, with their white space taken off, in order")
    func headers() {
        let head =
            "GET / HTTP/1.1\r\nHost: a\r\nX-One:  first \t\r\nx-one: second\r\nX-Empty:\r\nX-List: a, ,B ,c:d\r\n\r\n"
        let found = with(head) { head in
            [head.header("x-one"), head.header("x-empty"), head.header("x-missing"), head.header("x-on")]
                .map { $0.map(text) }
        }
        #expect(found == ["first", "", nil, nil])
        #expect(with(head) { $0.headerCount("x-one") } == 2)
        let tokens = with(head) { head in
            [
                head.header("x-list", hasToken: "a"), head.header("x-list", hasToken: "b"),
                head.header("x-list", hasToken: "c"), head.header("x-list", hasToken: "c:d"),
                head.header("x-one", hasToken: "second"), head.header("x-missing", hasToken: "a"),
            ]
        }
        #expect(tokens == [true, true, false, true, true, false])
        let lines = with(head) { head in
            var lines: [String] = []
            head.forEachHeader { lines.append("\(text($0))=\(text($1))") }
            return lines
        }
        #expect(lines == ["Host=a", "X-One=first", "x-one=second", "X-Empty=", "X-List=a, ,B ,c:d"])
    }

    @Test("bytes above ASCII may stand in a value")
    func highBytes() {
        let value = with("GET / HTTP/1.1\r\nHost: a\r\nX: caf\u{e9}\r\n\r\n") { $0.header("x").map(text) }
        #expect(value == "caf\u{e9}")
    }

    @Test("changing any byte of a head never does more than change the answer")
    func everyByteChanged() {
        let whole = Array("GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\n".utf8)
        for index in whole.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = whole
                changed[index] = byte
                if case .complete(let length) = parse(changed) { #expect(length <= whole.count) }
            }
        }
    }
}
