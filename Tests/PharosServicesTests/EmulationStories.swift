import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Stories of answers that do not end, and of the commands beside them.
    @Suite("HTTP streams and SSE")
    struct Emulation {
        private let connect = #"{"id":1,"connect":{}}"#

        @Test("the heads of both streams", arguments: StorySetting.pairs)
        func heads(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.client.allowedOrigins = ["https://app.example"]
                }
            ) { server in
                let origin = ("Origin", "https://app.example")
                let body = Array(connect.utf8)
                for (path, sent, type) in [
                    ("/connection/http_stream", "application/json", "application/json"),
                    ("/connection/sse", "application/json", "text/event-stream"),
                ] {
                    let stream = try StreamLink(
                        server.http().link, path, method: "POST", headers: [origin, ("Content-Type", sent)], body: body)
                    #expect(stream.status == 200)
                    #expect(stream.headers["content-type"] == type)
                    #expect(stream.headers["cache-control"] == "no-store")
                    #expect(stream.headers["x-accel-buffering"] == "no")
                    #expect(stream.headers["access-control-allow-origin"] == origin.1)
                    #expect(stream.headers["access-control-allow-credentials"] == "true")
                    _ = try stream.chunk()
                }
                // A page's EventSource can send nothing but an address.
                let address = "/connection/sse?cf_connect=%7B%22id%22%3A1%2C%22connect%22%3A%7B%7D%7D"
                let source = try EventSourceLink(server.http().link, address)
                #expect(try source.event().data.hasPrefix(#"{"id":1,"connect":{"client":""#))
            }
        }

        @Test("commands come from any connection, and reach the stream on any shard", arguments: StorySetting.pairs)
        func anyConnection(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { server in
                let stream = try StreamLink(
                    server.http().link, "/connection/http_stream", method: "POST", body: Array(connect.utf8))
                let reply = text(try #require(try stream.chunk()))
                let (session, uid) = (try #require(field("session", in: reply)), try #require(field("node", in: reply)))
                for id in 2...21 {
                    let command = #"{\"id\":\#(id),\"history\":{\"channel\":\"log:a\"}}"#
                    let body = #"{"session":"\#(session)","node":"\#(uid)","data":"\#(command)"}"#
                    let answer = try server.ask("/emulation", method: "POST", body: body)
                    #expect(answer.status == 204)
                    #expect(answer.body.isEmpty)
                    let chunk = try #require(try stream.chunk())
                    #expect(text(chunk).hasPrefix(#"{"id":\#(id),"history""#))
                }
            }
        }

        @Test("what names no stream of this node does nothing", arguments: StorySetting.shardCounts)
        func foreign(_ setting: StorySetting) async throws {
            try await play(setting, { $0.openEverything() }) { server in
                let reader = try server.connected(to: "log:a")
                let stream = try StreamLink(
                    server.http().link, "/connection/http_stream", method: "POST", body: Array(connect.utf8))
                let reply = text(try #require(try stream.chunk()))
                let (session, uid) = (try #require(field("session", in: reply)), try #require(field("node", in: reply)))
                let client = try #require(field("client", in: reply))
                let command = #"{\"id\":2,\"publish\":{\"channel\":\"log:a\",\"data\":1}}"#
                func status(_ session: String, _ uid: String, _ data: String) throws -> Int {
                    let body = #"{"session":"\#(session)","node":"\#(uid)","data":"\#(data)"}"#
                    return try server.ask("/emulation", method: "POST", body: body).status
                }
                // The client id is public, the stream's name is not; nor can one be made of the other.
                let made = String(client.prefix(18) + session.dropFirst(18))
                for guess in [client, made, String(session.reversed()), "x"] {
                    #expect(try status(guess, uid, command) == 204)
                }
                #expect(try status(session, "elsewhere", command) == 404)
                #expect(try status("", uid, command) == 400)
                #expect(try status(session, uid, "") == 400)
                #expect(try server.ask("/emulation", method: "POST", body: "{").status == 400)
                #expect(try server.ask("/emulation").status == 405)
                let long = String(repeating: "x", count: 65_000)
                #expect(try status(session, uid, long + long) == 413)
                await server.publish("log:a", "2")
                #expect(text(try reader.publication().publication.data) == "2")
                // The stream has suffered nothing from all that.
                #expect(try status(session, uid, command) == 204)
                #expect(text(try reader.publication().publication.data) == "1")
            }
        }

        @Test("who may open a stream", arguments: ["/connection/http_stream", "/connection/sse", "/emulation"])
        func admission(_ path: String) async throws {
            try await play(
                StorySetting(),
                {
                    $0.openEverything()
                    $0.client.allowedOrigins = ["https://app.example"]
                    $0.client.connectionLimit = 1
                }
            ) { server in
                let (good, bad) = (("Origin", "https://app.example"), ("Origin", "https://evil.example"))
                #expect(try server.ask(path, method: "POST", headers: [bad], body: connect).status == 403)
                #expect(try server.ask(path, method: "PUT", body: connect).status == 405)
                let preflight = try server.ask(
                    path, method: "OPTIONS", headers: [good, ("Access-Control-Request-Headers", "content-type")])
                #expect(preflight.status == 204)
                #expect(preflight.headers["access-control-allow-origin"] == good.1)
                #expect(preflight.headers["access-control-allow-headers"] == "content-type")
                #expect(preflight.headers["access-control-allow-methods"] == "GET, POST, OPTIONS")
                guard path != "/emulation" else { return }
                let stream = try StreamLink(server.http().link, path, method: "POST", body: Array(connect.utf8))
                #expect(stream.status == 200)
                let second = try server.ask(path, method: "POST", headers: [good], body: connect)
                #expect(second.status == 503)
                #expect(second.headers["access-control-allow-origin"] == good.1)
            }
        }

        @Test("transports that are not enabled have no addresses")
        func disabledTransports() async throws {
            try await play(StorySetting()) { server throws in
                for path in ["/connection/http_stream", "/connection/sse", "/connection/poll", "/emulation"] {
                    #expect(try server.ask(path, method: "POST", body: connect).status == 404)
                }
                for path in ["/events?channel=a", "/poll?channel=a"] { #expect(try server.ask(path).status == 404) }
            }
        }

        @Test("a stream without a connect is sent away", arguments: StorySetting.shardCounts)
        func withoutConnect(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.openEverything()
                    $0.client.staleCloseDelay = 0.2
                }
            ) { server in
                #expect(try server.ask("/connection/sse").status == 400)
                for body in ["", "{}", "[]", #"{"id":1,"subscribe":{"channel":"log:a"}}"#] {
                    let answer = try server.ask("/connection/http_stream", method: "POST", body: body)
                    #expect(answer.status == 200)
                    #expect(answer.body.hasPrefix(#"{"push":{"disconnect":{"code":3501"#))
                }
                // Refused, and given a while to go by itself.
                guard setting.shards == 2 else { return }
                let refused = try server.ask(
                    "/connection/http_stream", method: "POST", body: #"{"id":1,"connect":{"token":"expired"}}"#)
                #expect(refused.body.contains(#""code":109"#))
                #expect(refused.body.contains(#"{"push":{"disconnect":{"code":3000"#))
            }
        }
    }
}
