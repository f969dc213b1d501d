import Foundation
import PharosAPI
import PharosDomain
import PharosProtocol
import Testing

@Suite struct OpenAPITests {
    private func document(
        insecure: Bool = false, transports: TransportSettings = TransportSettings(), hasRawPaths: Bool = false
    ) throws -> [String: Any] {
        let bytes = OpenAPIDocument(
            version: "1.0.0", isInsecure: insecure, transports: transports, hasRawPaths: hasRawPaths
        ).tree.encoded()
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test("the description lists exactly the methods of the server API")
    func methods() throws {
        let document = try document()
        #expect(document["openapi"] as? String == "3.1.0")
        let paths = try #require(document["paths"] as? [String: Any])
        let methods = ServerAPI.names
        let others = ["/api", "/health", "/health/live", "/health/ready", "/metrics", "/openapi.json"]
        #expect(Set(paths.keys) == Set(methods.map { "/api/\($0)" } + others))
    }

    @Test("the addresses of raw connections are described where there are raw paths")
    func rawPaths() throws {
        let document = try document(hasRawPaths: true)
        let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
        #expect(Set(try #require(paths["/sr"]).keys) == ["post"])
        let connection = try #require(paths["/@connections/{id}"])
        #expect(Set(connection.keys) == ["get", "post", "delete"])
        for operation in connection.values {
            let responses = try #require(operation["responses"] as? [String: Any])
            for status in ["401", "403", "410"] { #expect(responses[status] != nil) }
            #expect((operation["security"] as? [Any])?.count == 3)
        }
        var references: [String] = []
        collect(document, into: &references)
        let components = try #require(document["components"] as? [String: [String: Any]])
        #expect(references.contains("#/components/schemas/RawService"))
        for reference in references {
            let parts = reference.split(separator: "/").map(String.init)
            #expect(components[parts[2]]?[parts[3]] != nil, "\(reference)")
        }
    }

    @Test("each operation says what it answers, each reference leads somewhere")
    func references() throws {
        let document = try document()
        let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
        for (path, operations) in paths where path.hasPrefix("/api") {
            let post = try #require(operations["post"])
            let responses = try #require(post["responses"] as? [String: Any])
            for status in ["200", "400", "401", "403", "404", "413"] { #expect(responses[status] != nil) }
            #expect((post["security"] as? [Any])?.count == 3)
            #expect(post["requestBody"] != nil)
        }
        var references: [String] = []
        collect(document, into: &references)
        #expect(references.count > 100)
        for reference in Set(references) {
            let steps = reference.dropFirst(2).split(separator: "/").map(String.init)
            let target = steps.reduce(document as Any?) { ($0 as? [String: Any])?[$1] }
            #expect(target != nil, "\(reference)")
        }
    }

    @Test("a transport is described if, and only if, it is open")
    func transports() throws {
        var all = TransportSettings()
        all.httpStream = true
        all.sse = true
        all.events = true
        all.poll = true
        let clients = [
            "/connection/http_stream", "/connection/sse", "/emulation", "/events", "/poll", "/connection/poll",
        ]
        let open = try document(transports: all)
        let paths = try #require(open["paths"] as? [String: [String: [String: Any]]])
        #expect(Set(clients).isSubset(of: paths.keys))
        #expect(paths["/connection/poll"]?.keys.sorted() == ["get", "post"])
        let parameters = try #require(paths["/poll"]?["get"]?["parameters"] as? [[String: Any]])
        #expect(parameters.first { $0["name"] as? String == "channel" }?["required"] as? Bool == true)
        let names = paths.values.flatMap { $0.values.compactMap { $0["operationId"] as? String } }
        #expect(Set(names).count == names.count)
        var references: [String] = []
        collect(open, into: &references)
        for reference in Set(references) {
            let steps = reference.dropFirst(2).split(separator: "/").map(String.init)
            #expect(steps.reduce(open as Any?) { ($0 as? [String: Any])?[$1] } != nil, "\(reference)")
        }
        var one = TransportSettings()
        one.sse = true
        let few = try #require(try document(transports: one)["paths"] as? [String: Any])
        #expect(Set(few.keys).intersection(clients) == ["/connection/sse", "/emulation"])
    }

    private func collect(_ value: Any, into references: inout [String]) {
        if let object = value as? [String: Any] {
            if let reference = object["$ref"] as? String { references.append(reference) }
            for member in object.values { collect(member, into: &references) }
        } else if let array = value as? [Any] {
            for element in array { collect(element, into: &references) }
        }
    }

    @Test("without keys the description asks for none, and it is the same each time")
    func insecure() throws {
        let paths = try #require(try document(insecure: true)["paths"] as? [String: [String: [String: Any]]])
        let publish = try #require(paths["/api/publish"]?["post"])
        #expect(publish["security"] == nil)
        #expect((publish["responses"] as? [String: Any])?["401"] == nil)
        let first = OpenAPIDocument(version: "1").tree.encoded()
        #expect(first == OpenAPIDocument(version: "1").tree.encoded())
    }

    @Test("the description is served as JSON, and everything it names is there")
    func served() async throws {
        let client = try await RoutesServer().client()
        let answer = try #require(try await client.request("GET", "/openapi.json"))
        #expect(answer.headers["content-type"] == "application/json")
        let document = try #require(try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        for (path, operations) in paths {
            for method in operations.keys {
                let body = method == "post" ? "{}" : ""
                let answer = try await client.request(method.uppercased(), path, body: body)
                #expect(answer?.status == 200, "\(method) \(path)")
            }
        }
        await client.close()
    }

    @Test("JSON text is escaped")
    func escaping() {
        let tree: JSONTree = ["a\"b": ["x\\y\n", 1, true, [:]]]
        #expect(String(decoding: tree.encoded(), as: UTF8.self) == #"{"a\"b":["x\\y\u000a",1,true,{}]}"#)
    }
}
