import Foundation
import PharosAPI
import PharosServices
import Synchronization
import Testing

@Suite struct RoutesTests {
    @Test("the demo page and its parts come from the binary, guarded by headers")
    func pages() async throws {
        let client = try await RoutesServer().client()
        for (path, type) in [
            ("/", "text/html; charset=utf-8"), ("/pharos.js", "text/javascript; charset=utf-8"),
            ("/pharos.min.js", "text/javascript; charset=utf-8"),
            ("/pharos-protobuf.js", "text/javascript; charset=utf-8"),
            ("/pharos.d.ts", "application/typescript; charset=utf-8"),
            ("/pharos-protobuf.d.ts", "application/typescript; charset=utf-8"),
            ("/demo.js", "text/javascript; charset=utf-8"), ("/demo.css", "text/css; charset=utf-8"),
            ("/demo.json", "application/json"),
        ] {
            let page = try #require(try await client.request("GET", path))
            #expect(page.status == 200)
            #expect(page.headers["content-type"] == type)
            #expect(page.headers["cache-control"] == "no-cache")
            #expect(page.headers["x-content-type-options"] == "nosniff")
            #expect(page.headers["content-security-policy"] == "default-src 'self'; connect-src 'self' ws: wss:")
            #expect(!page.body.isEmpty)
            // The client is a module for pages of any origin; the demo is for its own.
            let isShared = path.hasPrefix("/pharos")
            #expect(page.headers["access-control-allow-origin"] == (isShared ? "*" : nil))
            #expect(page.headers["cross-origin-resource-policy"] == (isShared ? "cross-origin" : nil))
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
        let client = try await RoutesServer(configure: { _ in }).client()
        for path in ["/", "/demo.js", "/demo.css", "/demo.json"] {
            #expect(try await client.request("GET", path)?.status == 404)
        }
        for path in ["/pharos.js", "/pharos.min.js", "/pharos.d.ts"] {
            #expect(try await client.request("GET", path)?.status == 200)
        }
        await client.close()
    }

    @Test("health says alive, and ready until the server shuts down")
    func health() async throws {
        let server = try RoutesServer()
        let client = try await server.client()
        for path in ["/health", "/health/live", "/health/ready"] {
            let answer = try #require(try await client.request("GET", path))
            #expect(answer.status == 200)
            #expect(answer.text == "{}")
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.headers["date"]?.hasSuffix(" GMT") == true)
        }
        server.backend.state.withLock { $0.storeLoss = "the log is gone" }
        let lost = try #require(try await client.request("GET", "/health"))
        #expect(lost.status == 200)
        #expect(lost.text == #"{"lost":"the log is gone"}"#)
        server.backend.state.withLock { $0.isReady = false }
        #expect(try await client.request("GET", "/health/live")?.status == 200)
        let down = try #require(try await client.request("GET", "/health/ready"))
        #expect(down.status == 503)
        #expect(down.text == #"{"error":{"code":503,"message":"the server is shutting down"}}"#)
        await client.close()
    }

    @Test("GE-11: every error of HTTP is JSON and says so")
    func errors() async throws {
        let server = try RoutesServer()
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
        await client.close()
    }

}
