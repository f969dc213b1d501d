import Foundation
import PharosAPI
import PharosDomain
import PharosServices
import Testing

@Suite("POST /api/snapshot") struct SnapshotCallTests {
    private func server(_ source: SnapshotSource?) throws -> RoutesServer {
        var api = APISettings()
        api.keys = [APIKey(key: "all", methods: ["*"]), APIKey(key: "few", methods: ["publish"])]
        return try RoutesServer(api: api) { configuration in
            configuration = APIRoutes.Configuration(api: api, version: "1")
            configuration.snapshot = source
        }
    }

    private static let page: SnapshotSource = { cursor, limit in
        if cursor == "bad" { throw ReplyError.badRequest }
        let client = PresenceSnapshot.Client(
            client: "c", user: "\(limit)", transport: "sse", channels: ["news"], connectedAtMs: 5_000)
        return PresenceSnapshot(sequence: 9, clients: [client], nextCursor: cursor + "+")
    }

    @Test("gives the page that was asked for")
    func page() async throws {
        let server = try server(SnapshotCallTests.page)
        let client = try await server.client()
        let answer = try #require(
            try await client.request("POST", "/api/snapshot", "X-API-Key: all\r\n", body: #"{"cursor":"a","limit":7}"#))
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "application/json")
        #expect(
            answer.text == #"{"result":{"sequence":9,"clients":[{"client":"c","user":"7","transport":"sse","#
                + #""channels":["news"],"connected_at":5}],"next_cursor":"a+"}}"#)
        let first = try await client.request("POST", "/api/snapshot?api_key=all", body: "")
        #expect(first?.text.contains(#""next_cursor":"+"#) == true)
        await client.close()
    }

    @Test("asks for a key, and for one that may call it")
    func keys() async throws {
        let client = try await server(SnapshotCallTests.page).client()
        for (headers, status) in [
            ("", 401), ("X-API-Key: none\r\n", 401), ("X-API-Key: few\r\n", 403),
            ("Authorization: apikey all\r\n", 200),
        ] {
            #expect(try await client.request("POST", "/api/snapshot", headers, body: "{}")?.status == status)
        }
        #expect(try await client.request("GET", "/api/snapshot", "X-API-Key: all\r\n")?.status == 405)
        await client.close()
    }

    @Test("errors are in the body, or in the status for those who want it so")
    func errors() async throws {
        let client = try await server(SnapshotCallTests.page).client()
        let key = "X-API-Key: all\r\n"
        let wrong = try #require(try await client.request("POST", "/api/snapshot", key, body: #"{"limit":"x"}"#))
        #expect(wrong.status == 200)
        #expect(wrong.text.hasPrefix(#"{"error":{"code":107,"message":"bad request: limit"#))
        let status = try #require(
            try await client.request(
                "POST", "/api/snapshot", key + "X-Centrifugo-Error-Mode: transport\r\n", body: #"{"cursor":"bad"}"#))
        #expect(status.status == 400)
        #expect(status.text == #"{"code":107,"message":"bad request"}"#)
        // A body that is no JSON at all is 400 in any case.
        let text = try #require(try await client.request("POST", "/api/snapshot", key, body: "limit=7"))
        #expect(text.status == 400)
        #expect(text.text.hasPrefix(#"{"error":{"code":107,"message":"bad request"#))
        await client.close()
        let none = try await server(nil).client()
        let missing = try #require(try await none.request("POST", "/api/snapshot", key, body: "{}"))
        #expect(missing.text == #"{"error":{"code":108,"message":"not available"}}"#)
        await none.close()
    }
}
