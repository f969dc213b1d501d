import PharosAuth
import Testing

@testable import PharosCLI

@Suite("Command-line clients")
struct WireClientTests {
    @Test("an address has a numeric host, a port and a path")
    func address() throws {
        let address = try WireClientAddress("ws://localhost:8000/connection/websocket", defaultPath: "/x")
        #expect(address == WireClientAddress(host: "127.0.0.1", port: 8000, path: "/connection/websocket"))
        #expect(try WireClientAddress("http://[::1]:9", defaultPath: "/x").authority == "[::1]:9")
        #expect(
            try WireClientAddress("HTTP://127.0.0.1/", defaultPath: "/x")
                == .init(host: "127.0.0.1", port: 80, path: "/x"))
        #expect(try WireClientAddress("ws://127.0.0.1?a=b", defaultPath: "/x").path == "/?a=b")
    }

    @Test(
        "what cannot be an address is refused",
        arguments: [
            "127.0.0.1:8000", "wss://127.0.0.1", "ftp://127.0.0.1", "ws://example.org", "ws://127.0.0.1:0", "ws://:80",
            "ws://127.0.0.1:99999", "ws://127.0.0.1/a b", "ws://127.0.0.1/a\r\nX: y",
        ])
    func refusedAddress(url: String) {
        #expect(throws: WireClientError.self) { try WireClientAddress(url, defaultPath: "/") }
    }

    @Test("data that is not JSON becomes a JSON string")
    func quoting() {
        #expect(PubCommand.json(Array("{\"a\": 1}".utf8)).isQuoted == false)
        #expect(PubCommand.json(Array("{\"a\":1,\"a\":2}".utf8)).isQuoted == false)
        let quoted = PubCommand.json(Array("say \"hi\"\n".utf8))
        #expect(quoted.isQuoted)
        #expect(String(decoding: quoted.text, as: UTF8.self) == "\"say \\\"hi\\\"\"")
    }

    @Test("the outcome of a publish is a sentence")
    func outcomes() throws {
        func outcome(_ status: Int, _ body: String) throws(WireClientError) -> String {
            try PubCommand.outcome(of: .init(status: status, body: Array(body.utf8)), channel: "news")
        }
        #expect(try outcome(200, "{\"result\":{}}") == "published to news")
        #expect(
            try outcome(200, "{\"result\":{\"offset\":7,\"epoch\":\"x\"}}") == "published to news: offset 7, epoch x")
        #expect(throws: WireClientError("the channel's namespace is not configured (102, unknown channel)")) {
            try outcome(200, "{\"error\":{\"code\":102,\"message\":\"unknown channel\"}}")
        }
        #expect(throws: WireClientError.self) { try outcome(401, "") }
        #expect(throws: WireClientError.self) { try outcome(200, "<html>") }
    }

    @Test("an answer's body may be chunked")
    func chunks() throws {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
        #expect(try WireClientRequest.parse(Array(text.utf8)) == .init(status: 200, body: Array("abcde".utf8)))
        #expect(throws: WireClientError.self) { try WireClientRequest.parse(Array(text.utf8.dropLast(14))) }
    }

    @Test("a key cannot smuggle a header into the request")
    func headerInjection() {
        let address = WireClientAddress(host: "127.0.0.1", port: 1)
        #expect(throws: WireClientError.self) {
            try WireClientRequest.head(address, bodyCount: 0, apiKey: "a\r\nX: y")
        }
    }

    @Test("pauses double up to a bound and are jittered")
    func backOff() {
        var backOff = SubBackOff()
        var bound: Int64 = 500
        for _ in 0..<10 {
            let pause = backOff.next()
            #expect(pause >= bound / 5 && pause <= bound)
            bound = min(bound * 2, SubBackOff.longestMs)
        }
        backOff.reset()
        #expect(backOff.next() <= SubBackOff.firstMs)
    }

    @Test("control characters of other people's data do not reach the terminal")
    func printable() {
        #expect(SubPrinter.printable("a\u{1B}[2Jb\u{9B}c") == "a\u{FFFD}[2Jb\u{FFFD}c")
        #expect(SubPrinter.printable("grüße") == "grüße")
        func line(_ payload: [UInt8]) -> String {
            var line = JSONObjectWriter()
            SubPrinter.add(payload, to: &line)
            return String(decoding: line.bytes, as: UTF8.self)
        }
        #expect(line(Array("[1]".utf8)) == #"{"data":[1]}"#)
        #expect(line([0, 1, 2, 255]) == #"{"b64data":"AAEC/w=="}"#)
    }

    @Test("only the right answer completes a WebSocket handshake")
    func handshake() {
        let handshake = WireClientHandshake()
        func check(_ text: String) throws(WireClientError) {
            var failure: WireClientError?
            Array(text.utf8).withUnsafeBytes { head in
                do throws(WireClientError) { try handshake.check(head) } catch { failure = error }
            }
            if let failure { throw failure }
        }
        #expect(throws: WireClientError("the server refuses the WebSocket: 403 Forbidden")) {
            try check("HTTP/1.1 403 Forbidden\r\n\r\n")
        }
        #expect(throws: WireClientError.self) {
            try check("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: AAAA\r\n\r\n")
        }
        #expect(throws: WireClientError.self) { try check("SSH-2.0\r\n\r\n") }
    }
}
