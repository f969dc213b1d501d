import PharosServices
import Testing

@Suite struct RawRoutesTests {
    @Test("requests for raw connections that the edge hands on reach the backend as they came")
    func calls() async throws {
        let server = try TestServer()
        let client = try await server.client()
        let chunked = "X-API-Key: k\r\nPrefer: return=representation\r\nTransfer-Encoding: chunked\r\n"
        try await client.send("POST /sr?report=1 HTTP/1.1\r\nHost: h\r\n\(chunked)\r\n2\r\n{}\r\n0\r\n\r\n")
        #expect(await client.answer()?.status == 200)
        let call = try #require(server.backend.rawCalls.first)
        #expect(call.method == "POST")
        #expect(call.path == "/sr")
        #expect(call.query == "report=1")
        #expect(call.headers["x-api-key"] == "k")
        #expect(call.headers["prefer"] == "return=representation")
        #expect(call.body == Array("{}".utf8))
        #expect(try await client.request("GET", "/@connections/a%2Fb%3D")?.status == 200)
        #expect(try await client.request("DELETE", "/%40connections/a")?.status == 204)
        #expect(server.backend.rawCalls.dropFirst().map(\.path) == ["/@connections/a%2Fb%3D", "/%40connections/a"])
        await client.close()
    }

    @Test("other methods are told which ones there are")
    func methods() async throws {
        let client = try await TestServer().client()
        for (method, path, allowed) in [
            ("GET", "/sr", "POST"), ("PUT", "/@connections/a", "GET, POST, DELETE"),
        ] {
            let answer = try #require(try await client.request(method, path))
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == allowed)
        }
        #expect(try await client.request("GET", "/@connections")?.status == 404)
        await client.close()
    }
}
