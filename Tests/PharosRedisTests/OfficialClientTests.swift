import Foundation
import Testing

@testable import PharosRedis

/// Our session and the official client at one server.
///
/// Each speaks either version of the protocol.
@Suite(
    "Redis, beside its official client", .serialized,
    .enabled(
        if: LiveServer.path != nil && OfficialClient.python != nil,
        "PHAROS_REDIS_SERVER or TEST_PYTHON is not set"))
struct OfficialClientTests {
    private static let bytes = (0...255).map { UInt8($0) }
    static let versions = [(2, 2), (2, 3), (3, 2), (3, 3)]

    private func ask(_ client: inout LiveClient, _ command: RedisCommand) throws -> RESPValue {
        let ticket = client.send(command)
        while let event = client.nextEvent() {
            if case .reply(ticket, let value) = event { return value }
        }
        throw OfficialClient.Failure(description: "no reply")
    }

    private static func content(_ value: Any?) -> String? { (value as? [String: Any])?["bytes"] as? String }

    @Test("hashes, streams and numbers, written by either and read by the other", arguments: versions)
    func data(ours version: Int, theirs protocolVersion: Int) throws {
        let server = try LiveServer(port: 21_860)
        var ours = try LiveClient(port: server.port, RedisSessionOptions(prefersRESP3: version == 3))
        let theirs = try OfficialClient("redis_client.py", [String(server.port), String(protocolVersion)])
        let fields = [["a".base64, Self.bytes.base64], ["b".base64, "".base64]]

        try theirs.ask("call", ["method": "hset", "words": ["h".base64], "fields": fields])
        let pairs = try ask(&ours, ["HGETALL", "h"]).pairs()
        let hash = Dictionary(uniqueKeysWithValues: try pairs.map { (try $0.key.text(), try $0.value.bytes()) })
        #expect(hash == ["a": Self.bytes, "b": []])
        try theirs.ask("call", ["method": "xadd", "words": ["x".base64], "fields": fields, "id": "5-1"])
        let entries = try ask(&ours, ["XRANGE", "x", "-", "+"]).elements()
        #expect(try entries.map { try $0.elements()[0].text() } == ["5-1"])
        #expect(try entries[0].elements()[1].elements().map { try $0.bytes() } == [[0x61], Self.bytes, [0x62], []])

        _ = try ask(&ours, ["HSET", "g", "a", .bytes(Self.bytes), "n", 7])
        let read = try theirs.ask("call", ["method": "hgetall", "words": ["g".base64]])["value"] as? [String: Any]
        let found = (read?["pairs"] as? [[Any]] ?? []).map { [Self.content($0[0]) ?? "?", Self.content($0[1]) ?? "?"] }
        #expect(found == [["a".base64, Self.bytes.base64], ["n".base64, "7".base64]])
        #expect(try ask(&ours, ["XADD", "y", "9-3", "d", .bytes(Self.bytes)]).text() == "9-3")
        let stream = try theirs.ask("call", ["method": "xrange", "words": ["y".base64]])["value"] as? [[Any]]
        #expect(stream?.map { Self.content($0[0]) ?? "?" } == ["9-3".base64])
        #expect(try ask(&ours, ["INCRBY", "n", .integer(.max)]).integer() == .max)
        #expect(
            Self.content(try theirs.ask("call", ["method": "get", "words": ["n".base64]])["value"])
                == "\(Int64.max)".base64)
        // What is not there is nothing for both.
        #expect(try ask(&ours, ["GET", "none"]).isNull)
        #expect(try theirs.ask("call", ["method": "get", "words": ["none".base64]])["value"] is NSNull)
    }

    @Test("messages go both ways, by channel, by pattern and by shard", arguments: versions)
    func messages(ours version: Int, theirs protocolVersion: Int) throws {
        let server = try LiveServer(port: 21_861)
        let options = RedisSessionOptions(prefersRESP3: version == 3)
        var ours = try LiveClient(port: server.port, options)
        let theirs = try OfficialClient("redis_client.py", [String(server.port), String(protocolVersion)])
        let kinds: [(RedisSubscriptionKind, String)] = [(.channel, "news"), (.pattern, "ne?s2"), (.shard, "shard")]
        for (kind, name) in kinds {
            let order = RedisSubscriptionOrder(kind, isSubscribe: true, channels: [Array(name.utf8)])
            let ticket = ours.session.change(order, deadlineMs: 20_000)
            while let event = ours.nextEvent() { if case .confirmed(ticket) = event { break } }
        }
        for (method, name) in [("publish", "news"), ("publish", "news2"), ("spublish", "shard")] {
            try theirs.ask("call", ["method": method, "words": [name.base64, Self.bytes.base64]])
        }
        var heard: [String] = []
        while heard.count < 3, let event = ours.nextEvent() {
            switch event {
            case .message(let channel, let payload): heard.append("message \(text(channel)) \(payload == Self.bytes)")
            case .patternMessage(let pattern, let channel, let payload):
                heard.append("pattern \(text(pattern)) \(text(channel)) \(payload == Self.bytes)")
            case .shardMessage(let channel, let payload):
                heard.append("shard \(text(channel)) \(payload == Self.bytes)")
            default: break
            }
        }
        #expect(heard == ["message news true", "pattern ne?s2 news2 true", "shard shard true"])

        try theirs.ask("listen", ["method": "subscribe", "name": "back".base64])
        try theirs.ask("listen", ["method": "psubscribe", "name": "ba?k2".base64])
        var publisher = try LiveClient(port: server.port, options)
        for name in ["back", "back2"] {
            #expect(try ask(&publisher, ["PUBLISH", .text(name), .bytes(Self.bytes)]).integer() == 1)
            let message = try theirs.ask("heard")["value"] as? [String: Any]
            let found = (message?["pairs"] as? [[Any]] ?? []).map {
                [Self.content($0[0]) ?? "?", Self.content($0[1]) ?? "?"]
            }
            #expect(found.contains(["data".base64, Self.bytes.base64]))
            #expect(found.contains(["channel".base64, name.base64]))
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
