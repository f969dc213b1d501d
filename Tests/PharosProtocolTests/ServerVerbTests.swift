import Foundation
import PharosDomain
import PharosProtocol
import Testing

@Suite("the verbs of the server API")
struct ServerVerbTests {
    @Test("verbs that clients rely on are there, and no two have one name")
    func names() {
        let known: Set<MethodName> = [
            "publish", "broadcast", "subscribe", "unsubscribe", "disconnect", "refresh", "presence", "presence_stats",
            "history", "history_remove", "channels", "info", "rpc", "batch", "send", "connections", "snapshot",
        ]
        #expect(known.isSubset(of: ServerAPI.names))
        #expect(Set(ServerAPI.names).count == ServerAPI.names.count)
        for verb in ServerAPI.verbs { #expect(ServerAPI.home(of: verb.name) == .shards) }
        #expect(ServerAPI.home(of: "snapshot") == .responder)
        #expect(ServerAPI.home(of: "map_publish") == .shards)
        #expect(ServerAPI.home(of: "nope") == nil)
        #expect(ServerAPI.serves(path: "/api") && ServerAPI.serves(path: "/api/history_remove"))
        #expect(!ServerAPI.serves(path: "/api/") && !ServerAPI.serves(path: "/apis"))
    }

    @Test("every object that a verb's fields refer to is described")
    func references() {
        let documentations = ServerAPI.allVerbs.map { $0.documentation }
        let schemas = documentations.flatMap(\.schemas)
        #expect(Set(schemas.map { SchemaName($0.name) }).count == schemas.count)
        // Made of all verbs together.
        let derived: Set<SchemaName> = ["PublishResponse", "BatchCommand", "BatchReply"]
        let known = derived.union(schemas.map { SchemaName($0.name) })
        let fields = documentations.flatMap { $0.request + $0.result } + schemas.flatMap(\.fields)
        let references = fields.flatMap { Self.references(in: $0.schema) }
        #expect(references.count > 10)
        #expect(known.isSuperset(of: references))
        for documentation in documentations {
            #expect(!documentation.summary.isEmpty && !documentation.summary.hasSuffix("."))
            let names = documentation.request.map { FieldName($0.name) }
            #expect(Set(names).count == names.count)
            #expect(Set(documentation.needsOneOf.map { FieldName($0) }).isSubset(of: names))
        }
    }

    private typealias SchemaName = Identifier<NameOf.Label>

    private static func references(in schema: APISchema) -> [SchemaName] {
        switch schema {
        case .reference(let name): [SchemaName(name)]
        case .list(let element, _), .map(let element, _): references(in: element)
        case .object(let fields, _): fields.flatMap { references(in: $0.schema) }
        case .any, .text, .base64, .integer, .boolean: []
        }
    }

    @Test("requests and results are compared by what they say, whatever verb they are of")
    func equality() {
        #expect(APIRequest.planned(APIPresence(channel: "a")) == .planned(APIPresence(channel: "a")))
        #expect(APIRequest.planned(APIPresence(channel: "a")) != .planned(APIPresence(channel: "b")))
        #expect(APIRequest.planned(APIPresence(channel: "a")) != .planned(APIPresenceStats(channel: "a")))
        #expect(APIRequest.planned(APIInfo()) != .publish(APIPublish()))
        #expect(APIResult.sent(delivered: 1, undeliverable: 0) == .sent(delivered: 1, undeliverable: 0))
        #expect(APIResult.sent(delivered: 1, undeliverable: 0) != .sent(delivered: 2, undeliverable: 0))
        #expect(APIResult.empty != .sent(delivered: 0, undeliverable: 0))
    }

    @Test("calls about one channel go to its owner, and refusals name it")
    func routes() throws {
        for name: MethodName in ["publish", "presence", "presence_stats", "history", "history_remove"] {
            let request = try Wire.api(name, #"{"channel":"c","data":1}"#)
            #expect(request.name == name)
            #expect(request.route == .owner(of: "c"))
            #expect(request.namedChannel == "c")
        }
        let subscribe = try Wire.api("subscribe", #"{"channel":"c","user":"u"}"#)
        #expect(subscribe.route == .allShards && subscribe.namedChannel == "c")
        let batch = try Wire.api("batch", #"{"commands":[{"presence":{"channel":"c"}},{"info":{}}]}"#)
        #expect(batch.route == .owner(of: "c") && batch.namedChannel == nil)
        #expect(try Wire.api("batch", #"{"commands":[null]}"#).route == .anyShard)
    }

    @Test("a plan heeds the channel's rules")
    func plans() throws {
        var settings = ChannelSettings()
        settings.withoutNamespace.presence = true
        let rules = ChannelRules(settings)
        guard case .one(.members("c")) = try APIPresence(channel: "c").plan(rules) else {
            Issue.record("presence is on")
            return
        }
        #expect(throws: ReplyError.notAvailable) { try APIHistoryRemove(channel: "c").plan(rules) }
        #expect(throws: ReplyError.unknownChannel) { try APIPresence(channel: "no:where").plan(rules) }
        #expect(throws: ReplyError.methodNotFound) { try APIRPC(method: "m", params: []).plan(rules) }
    }
}

@Suite("the reference page of the server API")
struct VerbPageTests {
    @Test("docs/server-api-methods.md is what the declarations say")
    func page() throws {
        let address = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/server-api-methods.md")
        if ProcessInfo.processInfo.environment["PHAROS_WRITE_PAGES"] == "1" {
            try VerbPage.markdown().write(to: address, atomically: true, encoding: .utf8)
        }
        let page = try String(contentsOf: address, encoding: .utf8)
        #expect(
            page == VerbPage.markdown(),
            "The page is out of date. Write it again: PHAROS_WRITE_PAGES=1 swift test --filter VerbPageTests")
    }
}
