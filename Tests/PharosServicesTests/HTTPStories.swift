import CPharosSys
import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    @Suite("the server API over HTTP")
    struct OverHTTP {
        private let key = [("X-API-Key", TestServer.apiKey)]

        private func publish(_ data: String, headers: [(String, String)]? = nil, path: String = "/api/publish")
            -> [UInt8]
        {
            HTTPLink.request(path, headers: headers ?? key, body: "{\"channel\":\"log:a\",\"data\":\(data)}")
        }

        @Test("pipelined requests are answered in order on one connection", arguments: StorySetting.all)
        func pipelined(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let http = try scene.http()
                try http.link.send((1...50).flatMap { publish("\($0)") })
                for number in 1...50 {
                    let response = try http.response()
                    #expect(response.status == 200)
                    #expect(response.body.hasPrefix("{\"result\":{\"offset\":\(number),\"epoch\":"))
                    #expect(response.headers["content-type"] == "application/json")
                    #expect(response.headers["connection"] == nil)
                }
                // The connection stays usable.
                try http.link.send(publish("51"))
                #expect(try http.response().status == 200)
            }
        }

        @Test(
            "calls of all kinds, pipelined, are answered in order and see what came before", arguments: StorySetting.all
        )
        func pipelinedKinds(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let http = try scene.http()
                var calls: [[UInt8]] = []
                for round in 1...20 {
                    for channel in ["log:a", "log:b", "log:c"] {
                        let body = "{\"channel\":\"\(channel)\",\"data\":\(round)}"
                        calls.append(HTTPLink.request("/api/publish", headers: key, body: body))
                    }
                    calls.append(HTTPLink.request("/api/history", headers: key, body: "{\"channel\":\"log:b\"}"))
                    calls.append(HTTPLink.request("/api/publish", headers: key, body: "{\"channel\":\"no:where\"}"))
                    calls.append(HTTPLink.request("/api/publish", headers: [], body: "{}"))
                }
                try http.link.send(calls.flatMap { $0 })
                for round in 1...20 {
                    for _ in 1...3 { #expect(try http.response().body.hasPrefix("{\"result\":{\"offset\":\(round),")) }
                    #expect(try http.response().body.contains("\"offset\":\(round)"))
                    #expect(try http.response().body.hasPrefix("{\"error\":{\"code\":10"))
                    #expect(try http.response().status == 401)
                }
            }
        }

        // GO-8
        @Test("a request that arrives byte by byte is served", arguments: StorySetting.pairs)
        func byteByByte(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "log:a")
                let http = try scene.http()
                for byte in publish("\"slow\"") { try http.link.send([byte]) }
                #expect(try http.response().status == 200)
                #expect(text(try client.publication().publication.data) == "\"slow\"")
            }
        }

        @Test("requests cut at every byte are served", arguments: StorySetting.shardCounts)
        func cutAnywhere(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let http = try scene.http()
                let two = publish("1") + publish("2")
                for index in 1..<two.count {
                    try http.link.send(Array(two[..<index]))
                    try http.link.send(Array(two[index...]))
                    #expect(try http.response().status == 200)
                    #expect(try http.response().status == 200)
                }
            }
        }

        // GO-3
        @Test(
            "without a valid key 401, with a key of another scope 403, and nothing is delivered",
            arguments: StorySetting.pairs
        )
        func keys(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let client = try scene.connected(to: "log:a")
                let refused: [(headers: [(String, String)], path: String, status: Int)] = [
                    ([], "/api/publish", 401), ([("X-API-Key", "wrong")], "/api/publish", 401),
                    ([("X-API-Key", "")], "/api/publish", 401),
                    ([("Authorization", "apikey wrong")], "/api/publish", 401),
                    ([("Authorization", "Bearer \(TestServer.apiKey)")], "/api/publish", 401),
                    ([], "/api/publish?api_key=wrong", 401),
                    ([("X-API-Key", TestServer.publishKey)], "/api/history", 403),
                    ([("X-API-Key", TestServer.publishKey)], "/api/disconnect", 403),
                ]
                for (headers, path, status) in refused {
                    let http = try scene.http()
                    try http.link.send(publish("\"refused\"", headers: headers, path: path))
                    let response = try http.response()
                    #expect(response.status == status)
                    #expect(response.body.hasPrefix("{\"error\":{\"code\":\(status),"))
                }
                for (headers, path) in [
                    (key, "/api/publish"), ([("authorization", "APIkey \(TestServer.apiKey)")], "/api/publish"),
                    ([], "/api/publish?api_key=\(TestServer.apiKey)"),
                    ([("X-API-Key", TestServer.publishKey)], "/api/publish"),
                ] {
                    let http = try scene.http()
                    try http.link.send(publish("\"granted\"", headers: headers, path: path))
                    #expect(try http.response().status == 200)
                    #expect(text(try client.publication().publication.data) == "\"granted\"")
                }
                #expect(client.unheard == [])
            }
        }

        // GO-3
        @Test("a key of another scope may not call it through a batch or the old form either")
        func scopes() async throws {
            try await play(StorySetting()) { scene in
                let client = try scene.connected(as: "ann", to: "log:a")
                for (method, body) in [
                    (
                        "batch",
                        #"{"commands":[{"publish":{"channel":"log:a","data":1}},{"disconnect":{"user":"ann"}}]}"#
                    ),
                    ("", #"{"method":"disconnect","params":{"user":"ann"}}"#),
                ] {
                    let answer = await scene.server.call(method, body, key: TestServer.publishKey)
                    #expect(answer == #"{"error":{"code":103,"message":"permission denied"}}"#)
                }
                #expect(await scene.server.call("info", "{}", key: "wrong").contains("401"))
                let granted = await scene.server.call(
                    "", #"{"method":"publish","params":{"channel":"log:a","data":2}}"#, key: TestServer.publishKey)
                #expect(granted.hasPrefix("{\"result\":"))
                #expect(text(try client.publication().publication.data) == "2")
            }
        }

        @Test(
            "a body above the limit is refused with 413, also while it is still being sent",
            arguments: StorySetting.pairs)
        func tooLarge(_ setting: StorySetting) async throws {
            try await play(setting, { $0.api.maxBodySize = 1_000 }) { scene in
                for size in [1_000, 300_000] {
                    let http = try scene.http()
                    let body = "\"" + String(repeating: "x", count: size) + "\""
                    let request = publish(body)
                    try http.link.send(Array(request[..<400]))
                    #expect(try http.response().status == 413)
                    // The server reads on for a while, so that its answer is not lost in a reset.
                    try http.link.send(Array(request[400..<800]))
                    try http.link.send(Array(request[800...]))
                }
                let http = try scene.http()
                try http.link.send(publish("\"" + String(repeating: "x", count: 5_000_000) + "\""))
                #expect(try http.response().status == 413)
            }
        }

        @Test("an unknown method is 404, a declined one is error 108, a malformed body error 107; no JSON is 400 too")
        func malformed() async throws {
            try await play(StorySetting()) { scene in
                func answer(_ path: String, _ body: String, _ headers: [(String, String)] = []) throws -> (Int, String)
                {
                    let http = try scene.http()
                    try http.link.send(HTTPLink.request(path, headers: key + headers, body: body))
                    let response = try http.response()
                    return (response.status, response.body)
                }
                #expect(try answer("/api/fly", "{}").0 == 404)
                #expect(
                    try answer("/api/map_publish", "{}") == (200, #"{"error":{"code":108,"message":"not available"}}"#))
                for body in [
                    "", "{", "null", "[]", "{}", #"{"channel":"a"}"#, #"{"channel":"","data":1}"#, "channel=a",
                ] {
                    let (status, text) = try answer("/api/publish", body)
                    #expect(status == (["{", "channel=a"].contains(body) ? 400 : 200), "\(body)")
                    #expect(text.hasPrefix(#"{"error":{"code":107,"message":"bad request"#))
                }
                #expect(try answer("/api/publish", #"{"channel":"no:where","data":1}"#).1.contains("102"))
                // In transport error mode the status says it too, and the body is bare.
                let mode = [("X-Centrifugo-Error-Mode", "transport")]
                let bare = try answer("/api/publish", #"{"channel":"no:where","data":1}"#, mode)
                #expect(bare == (404, #"{"code":102,"message":"unknown channel"}"#))
                #expect(try answer("/api/publish", "{}", mode).0 == 400)
            }
        }

        @Test(
            "the responder gets the requests that shards do not serve, and the connection stays",
            arguments: StorySetting.pairs
        )
        func responder(_ setting: StorySetting) async throws {
            let responder = FakeResponder()
            try await play(setting, responder: responder) { scene in
                let http = try scene.http()
                let chunked = Array(
                    ("POST /any?x=1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                        + "5\r\nhello\r\n0\r\n\r\n").utf8)
                // Before and after it the same connection is served by the shard.
                try http.link.send(publish("1") + chunked + publish("2"))
                #expect(try http.response().status == 200)
                let answer = try http.response()
                #expect(answer.status == 200)
                #expect(answer.body == "POST /any?x=1 a hello")
                #expect(answer.headers["x-one"] == "1")
                #expect(answer.headers["connection"] == nil)
                #expect(try http.response().status == 200)
                // A line feed in a field is not written.
                try http.link.send(HTTPLink.request("/forge", method: "GET"))
                #expect(try http.response().headers["x-bad"] == nil)
                let client = try scene.connected(to: "log:a")
                try http.link.send(publish("3"))
                #expect(try http.response().status == 200)
                #expect(text(try client.publication().publication.data) == "3")
            }
        }

        @Test("a key is asked for before a body is read, also where the responder answers")
        func keyFirst() async throws {
            try await play(StorySetting(), responder: FakeResponder()) { scene in
                for path in ["/api/publish", "/api/snapshot", "/api"] {
                    let http = try scene.http()
                    try http.link.send(
                        Array("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n".utf8))
                    #expect(try http.response().status == 401)
                }
            }
        }

        @Test(
            "methods that nothing here implements are 501, and OPTIONS * is answered",
            arguments: [
                ("PROPFIND / HTTP/1.1", 501), ("CONNECT a:80 HTTP/1.1", 501), ("FLY / HTTP/1.1", 501),
                ("OPTIONS * HTTP/1.1", 204),
            ])
        func methods(_ line: String, _ status: Int) async throws {
            try await play(StorySetting(), responder: FakeResponder()) { scene in
                let http = try scene.http()
                try http.link.send(Array("\(line)\r\nHost: a:80\r\n\r\n".utf8))
                #expect(try http.response().status == status)
            }
        }

        @Test("without anybody to take it the answer is 404")
        func nobodyToTakeIt() async throws {
            try await play(StorySetting()) { scene in
                let http = try scene.http()
                try http.link.send(HTTPLink.request("/", method: "GET"))
                #expect(try http.response().status == 404)
            }
        }

        @Test("Connection: close is obeyed", arguments: StorySetting.pairs)
        func closes(_ setting: StorySetting) async throws {
            try await play(setting) { scene in
                let http = try scene.http()
                try http.link.send(publish("1", headers: key + [("Connection", "close")]))
                let response = try http.response()
                #expect(response.status == 200)
                #expect(response.headers["connection"] == "close")
                #expect(try http.isClosedByServer())
            }
        }

        @Test("a head that does not arrive in time is answered 408, a malformed one 400")
        func heads() async throws {
            try await play(StorySetting(), { $0.edge.headTimeout = 0.1 }) { scene in
                let slow = try scene.http()
                try slow.link.send(Array("POST /api/pub".utf8))
                #expect(try slow.response().status == 408)
                let wrong = try scene.http()
                try wrong.link.send(Array("NONSENSE\r\n\r\n".utf8))
                #expect(try wrong.response().status == 400)
                let silent = try scene.http()
                #expect(try silent.isClosedByServer())
            }
        }

        @Test("the WebSocket's address without an upgrade is 426")
        func upgradeRequired() async throws {
            try await play(StorySetting()) { scene in
                let http = try scene.http()
                try http.link.send(HTTPLink.request("/connection/websocket", method: "GET"))
                let response = try http.response()
                #expect(response.status == 426)
                #expect(response.headers["sec-websocket-version"] == "13")
            }
        }
    }
}

/// Takes over sockets and keeps them for the test.
/// Answers with what it was asked.
private final class FakeResponder: RequestResponder {
    func respond(to request: ResponderRequest, answer: @escaping @Sendable (ResponderAnswer) -> Void) {
        var fields = [("Content-Type", "text/plain"), ("X-One", "1")]
        if request.target == "/forge" { fields.append(("X-Bad", "1\r\nX-Worse: 2")) }
        let text = "\(request.method) \(request.target) \(request.authority) "
        answer(ResponderAnswer(status: 200, fields: fields, body: Array(text.utf8) + request.body))
    }
}
