import Foundation
import PharosAPI
import PharosServices
import Synchronization
import Testing

@Suite struct RoutesTests {
    @Test("the demo page and its parts come from the binary, guarded by headers")
    func pages() async throws {
        let client = try await TestServer().client()
        for (path, type) in [
            ("/", "text/html; charset=utf-8"), ("/pharos.js", "text/javascript; charset=utf-8"),
            ("/demo.js", "text/javascript; charset=utf-8"), ("/demo.css", "text/css; charset=utf-8"),
        ] {
            let page = try #require(try await client.request("GET", path))
            #expect(page.status == 200)
            #expect(page.headers["content-type"] == type)
            #expect(page.headers["cache-control"] == "no-cache")
            #expect(page.headers["x-content-type-options"] == "nosniff")
            #expect(page.headers["content-security-policy"] == "default-src 'self'; connect-src 'self' ws: wss:")
            #expect(!page.body.isEmpty)
            let tag = try #require(page.headers["etag"])
            let again = try #require(try await client.request("GET", path, "If-None-Match: \(tag)\r\n"))
            #expect(again.status == 304)
            #expect(again.headers["etag"] == tag)
            let head = try #require(try await client.request("HEAD", path))
            #expect(head.status == 200)
            #expect(head.headers["content-length"] == String(page.body.count))
        }
        await client.close()
    }

    @Test("without the demo page the root is not there, the browser client is")
    func noDemoPage() async throws {
        let client = try await TestServer(configure: { _ in }).client()
        for path in ["/", "/demo.js", "/demo.css"] {
            #expect(try await client.request("GET", path)?.status == 404)
        }
        #expect(try await client.request("GET", "/pharos.js")?.status == 200)
        await client.close()
    }

    @Test("health says alive, and ready until the server shuts down")
    func health() async throws {
        let server = try TestServer()
        let client = try await server.client()
        for path in ["/health", "/health/live", "/health/ready"] {
            let answer = try #require(try await client.request("GET", path))
            #expect(answer.status == 200)
            #expect(answer.text == "{}")
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.headers["date"]?.hasSuffix(" GMT") == true)
        }
        server.backend.state.withLock { $0.isReady = false }
        #expect(try await client.request("GET", "/health/live")?.status == 200)
        let down = try #require(try await client.request("GET", "/health/ready"))
        #expect(down.status == 503)
        #expect(down.text == #"{"error":{"code":503,"message":"the server is shutting down"}}"#)
        await client.close()
    }

    @Test("a server API call reaches the backend as it was sent, and so does the answer")
    func forwards() async throws {
        let server = try TestServer()
        server.backend.state.withLock {
            $0.response = APIResponse(status: 409, body: Array(#"{"code":113,"message":"x"}"#.utf8))
        }
        let client = try await server.client()
        let answer = try #require(
            try await client.request(
                "POST", "/api/history?api_key=k", "X-API-Key: one\r\nX-Centrifugo-Error-Mode: transport\r\n",
                body: #"{"channel":"a"}"#))
        #expect(answer.status == 409)
        #expect(answer.headers["content-type"] == "application/json")
        #expect(answer.text == #"{"code":113,"message":"x"}"#)
        let call = try #require(server.backend.calls.first)
        #expect(call.method == "history")
        #expect(call.query == "api_key=k")
        #expect(call.headers["x-api-key"] == "one")
        #expect(call.headers["x-centrifugo-error-mode"] == "transport")
        #expect(call.body == Array(#"{"channel":"a"}"#.utf8))
        await client.close()
    }

    @Test("each method of the table, the old form and the declined methods reach the backend")
    func methods() async throws {
        let server = try TestServer()
        let client = try await server.client()
        let names = APIMethod.all.map(\.name) + ["map_publish", "shared_poll_publish"]
        for name in names {
            #expect(try await client.request("POST", "/api/\(name)", body: "{}")?.status == 200)
        }
        #expect(try await client.request("POST", "/api", body: "{}")?.status == 200)
        #expect(server.backend.calls.map(\.method) == names + [""])
        await client.close()
    }

    @Test("GE-11: every error of HTTP is JSON and says so")
    func errors() async throws {
        let server = try TestServer(configure: { $0.maxBodySize = 100 })
        let client = try await server.client()
        for (method, path, status, message) in [
            ("GET", "/nowhere", 404, "not found"), ("POST", "/nowhere", 404, "not found"),
            ("POST", "/api/nowhere", 404, "not found"), ("GET", "/api/nowhere", 404, "not found"),
            ("GET", "/api/publish", 405, "method not allowed"), ("DELETE", "/api", 405, "method not allowed"),
            ("POST", "/health", 405, "method not allowed"), ("PUT", "/metrics", 405, "method not allowed"),
        ] {
            let answer = try #require(try await client.request(method, path))
            #expect(answer.status == status, "\(method) \(path)")
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.text == #"{"error":{"code":\#(status),"message":"\#(message)"}}"#)
        }
        #expect(try await client.request("GET", "/api/publish")?.headers["allow"] == "POST")
        #expect(try await client.request("POST", "/health")?.headers["allow"] == "GET, HEAD")
        #expect(server.backend.calls.isEmpty)
        await client.close()
    }

    @Test("a 401 of the backend names the way to authenticate")
    func unauthorized() async throws {
        let server = try TestServer()
        server.backend.state.withLock { $0.response = APIResponse(status: 401, body: Array("{}".utf8)) }
        let client = try await server.client()
        let answer = try #require(try await client.request("POST", "/api/info", body: "{}"))
        #expect(answer.status == 401)
        #expect(answer.headers["www-authenticate"] == "apikey")
        await client.close()
    }

    @Test(
        "a body over the limit is refused with 413, announced or not",
        arguments: [
            "Content-Length: 101\r\n\r\n" + String(repeating: "x", count: 101),
            "Transfer-Encoding: chunked\r\n\r\n65\r\n" + String(repeating: "x", count: 101) + "\r\n0\r\n\r\n",
        ])
    func tooLarge(_ rest: String) async throws {
        let server = try TestServer(configure: { $0.maxBodySize = 100 })
        let client = try await server.client()
        try await client.send("POST /api/publish HTTP/1.1\r\nHost: x\r\n\(rest)")
        let answer = try #require(await client.answer())
        #expect(answer.status == 413)
        #expect(answer.headers["content-type"] == "application/json")
        #expect(answer.headers["connection"] == "close")
        #expect(await client.receiveAll().isEmpty)
        #expect(server.backend.calls.isEmpty)
        await client.close()
    }

    @Test("a client that asks before it sends a body is told to go on")
    func expectContinue() async throws {
        let server = try TestServer()
        let client = try await server.client()
        try await client.send(
            "POST /api/publish HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(await client.answer()?.status == 100)
        try await client.send("{}")
        #expect(await client.answer()?.status == 200)
        await client.close()
    }

    @Test("a request that cannot be parsed is answered with JSON, then the connection closes")
    func malformed() async throws {
        let server = try TestServer()
        for (text, status) in [
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nA: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431),
        ] {
            let client = try await server.client()
            try await client.send(text)
            let answer = try #require(await client.answer())
            #expect(answer.status == status)
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.text.hasPrefix(#"{"error":{"code":\#(status),"#))
            #expect(await client.receiveAll().isEmpty)
            await client.close()
        }
    }

    @Test("bodies of many clients together stay within their budget")
    func budget() {
        let budget = BodyBudget(limit: 100)
        #expect(budget.take(60))
        #expect(!budget.take(41))
        #expect(budget.take(40))
        budget.giveBack(60)
        #expect(budget.usedBytes == 40)
    }

    @Test("the date is written the way HTTP wants it")
    func date() {
        #expect(HTTPDate.text(secondsSince1970: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}
