import CPharosSys
import PharosBytes
import PharosDomain
import PharosChannels
import PharosEdge
import PharosMemory
import PharosTestKit
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@testable import PharosServices

/// The share of a turn that commands and batches may take.
///
/// One shard whose turns are run by hand: what was done is counted, and no clock is looked at.
@Suite("slices of a turn, commands and batches")
struct ServiceSliceTests {
    /// A shard without a thread, and its clients.
    final class Shard {
        var loop: ShardLoop<ShardService>
        let node: NodeContext

        /// - Parameter shards: of which the first is run, and the others only get mail.
        init(
            shards: Int = 1, _ change: (inout ServerSettings) -> Void = { _ in },
            edge changeEdge: (inout EdgeConfiguration) -> Void = { _ in }
        ) throws {
            var settings = ServerSettings.stories(shards: shards)
            change(&settings)
            node = try NodeContext(
                settings: settings, version: "test", verifier: FakeTokenVerifier(), stores: .inMemory,
                application: Application(), shards: shards, nowMs: pharos_monotonic_ms(),
                refusals: RefusalLedger { _ in },
                report: { _ in })
            var configuration = EdgeConfiguration(settings)
            configuration.connectionCapacity = 64
            changeEdge(&configuration)
            loop = ShardLoop(
                edge: Edge(configuration), handler: ShardService(node: node, index: 0),
                mailbox: node.mailboxes[0], listener: -1)
        }

        deinit {
            loop.edge.isFinished = true
            loop.run()
        }

        private var peers: [Peer] = []

        func turn() {
            for peer in peers { peer.pump() }
            loop.runTurn(waitMs: 0)
        }

        var publications: UInt64 { loop.handler.relay.counters.publications }

        /// A client that has connected.
        func client() -> Peer {
            let (ours, theirs) = Peer.socketPair()
            _ = loop.serve(descriptor: ours)
            let peer = Peer(descriptor: theirs)
            peers.append(peer)
            peer.send(
                Array(
                    ("GET /connection/websocket HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").utf8))
            peer.say(#"{"id":1,"connect":{}}"#)
            turn()
            return peer
        }

        /// A channel with history whose relay is on this shard.
        var ownChannel: ChannelName {
            (0...).lazy.map { ChannelName("log:\($0)") }.first { node.owner(of: $0) == 0 }!
        }

        /// Posts a publication of a client of the second shard; a turn carries it out.
        func publishElsewhere(_ channel: ChannelName) throws {
            let options = try loop.handler.core.rules.resolve(channel).options
            let order = EnginePublish(channel: channel, publication: Publication(data: [0x30]), options: options)
            node.post(.relay(.ask(.publish(order), ticket: 0), shard: 1), to: 0)
        }

        /// Calls the server API.
        ///
        /// - Returns: the answer, the number of turns that it took, and the most publications in one.
        func call(_ method: MethodName, _ body: String) -> (answer: String, turns: Int, most: UInt64) {
            let answer = Locked<String?>(nil)
            let call = BackendCall(
                path: .method(method), query: "", headers: ["x-api-key": TestServer.apiKey], body: Array(body.utf8)
            ) { response in answer.withLock { $0 = String(decoding: response.body, as: UTF8.self) } }
            node.post(.backendCall(call), to: 0)
            var (turns, most): (Int, UInt64) = (0, 0)
            while turns < 10_000 {
                let before = publications
                turn()
                turns += 1
                most = max(most, publications - before)
                if let answer = answer.withLock({ $0 }) { return (answer, turns, most) }
            }
            return ("", turns, most)
        }
    }

    /// The client's end of a connection; it never blocks.
    final class Peer {
        private var descriptor: Int32
        private var unsent: [UInt8] = []

        init(descriptor: Int32) { self.descriptor = descriptor }

        deinit { close() }

        static func socketPair() -> (Int32, Int32) {
            var ends: [Int32] = [-1, -1]
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            precondition(socketpair(AF_UNIX, kind, 0, &ends) == 0, "no descriptor is left")
            return (ends[0], ends[1])
        }

        func send(_ bytes: [UInt8]) { unsent += bytes }

        /// Hands the system as much as it takes.
        func pump() {
            guard !unsent.isEmpty, descriptor >= 0 else { return }
            let sent = pharos_send(descriptor, unsent, unsent.count, 0)
            if sent > 0 { unsent.removeFirst(sent) }
        }

        func close() {
            if descriptor >= 0 { _ = pharos_close(descriptor) }
            descriptor = -1
        }

        /// One text message, whose mask changes nothing.
        func say(_ text: String) {
            let payload = Array(text.utf8)
            var frame: [UInt8] = [0x81]
            switch payload.count {
            case ..<126: frame.append(0x80 | UInt8(payload.count))
            case ..<65_536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
            default: frame += [0x80 | 127, 0, 0, 0, 0] + [24, 16, 8, 0].map { UInt8(payload.count >> $0 & 0xFF) }
            }
            send(frame + [0, 0, 0, 0] + payload)
        }

        func heard() -> String {
            var (all, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
            while true {
                let count = pharos_recv(descriptor, &buffer, buffer.count)
                guard count > 0 else { return String(decoding: all, as: UTF8.self) }
                all += buffer[..<count]
            }
        }
    }

    private func publishes(_ count: Int, _ channel: String) -> String {
        (0..<count).map { #"{"id":\#($0 + 2),"publish":{"channel":"\#(channel)","data":\#($0)}}"# }
            .joined(separator: "\n")
    }

    @Test("a message with many commands takes a slice a turn, and a bystander is answered in the turn in which he asks")
    func commands() throws {
        let shard = try Shard { $0.edge.messageSizeLimit = 1 << 20 }
        let (heavy, bystander) = (shard.client(), shard.client())
        _ = bystander.heard()
        heavy.say(publishes(4_000, "news"))
        var (turns, replies) = (0, "")
        while shard.publications < 4_000, turns < 1_000 {
            let before = shard.publications
            bystander.say(#"{"id":\#(turns + 2),"presence_stats":{"channel":"room:x"}}"#)
            shard.turn()
            turns += 1
            #expect(shard.publications - before <= 512)
            #expect(bystander.heard().contains(#""id":\#(turns + 1),"#))
            replies += heavy.heard()
        }
        #expect(turns >= 4_000 / 512)
        let starts = (2..<4_002).compactMap { replies.firstRange(of: #""id":\#($0),"#)?.lowerBound }
        #expect(starts.count == 4_000)
        #expect(starts == starts.sorted())
    }

    /// A client finds at least what an answer of another shard has said.
    @Test("mail that was there before a client's question is served before it")
    func mailFirst() throws {
        let shard = try Shard(shards: 2)
        let (client, channel) = (shard.client(), shard.ownChannel)
        _ = client.heard()
        for number in 1...20 {
            try shard.publishElsewhere(channel)
            client.say(#"{"id":\#(number + 1),"history":{"channel":"\#(channel)"}}"#)
            shard.turn()
            #expect(client.heard().contains(#""offset":\#(number)"#))
        }
    }

    /// Requests that wait for mail keep their order, whether they read or write.
    @Test("a question behind mail is answered before what the client publishes after it")
    func heldOrder() throws {
        let shard = try Shard(shards: 2)
        let (client, channel) = (shard.client(), shard.ownChannel)
        _ = client.heard()
        for round in 0..<20 {
            try shard.publishElsewhere(channel)
            let history = #""history":{"channel":"\#(channel)"}}"#
            let publish = #""publish":{"channel":"\#(channel)","data":1}}"#
            let commands = [history, publish, history].enumerated().map { "{\"id\":\(3 * round + 2 + $0),\($1)" }
            client.say(commands.joined(separator: "\n"))
            shard.turn()
            let heard = client.heard()
            let tops = heard.matches(of: /"offset":(\d+)/).map { Int($0.1)! }
            #expect(tops == [2 * round + 1, 2 * round + 2], "\(heard)")
        }
    }

    @Test("what a client says behind such a message is carried out behind it")
    func order() throws {
        let shard = try Shard { $0.edge.messageSizeLimit = 1 << 20 }
        let client = shard.client()
        client.say(publishes(3_000, "log:a"))
        client.say(#"{"id":9000,"history":{"channel":"log:a"}}"#)
        var heard = ""
        for _ in 0..<100 where !heard.contains(#""id":9000,"#) {
            shard.turn()
            heard += client.heard()
        }
        #expect(heard.contains(#""offset":3000"#))
    }

    @Test("who goes in the midst of his commands leaves nothing behind")
    func gone() throws {
        let shard = try Shard { $0.edge.messageSizeLimit = 1 << 20 }
        let client = shard.client()
        client.say(publishes(4_000, "news"))
        while shard.publications == 0 { shard.turn() }
        client.close()
        for _ in 0..<20 { shard.turn() }
        #expect(shard.publications <= 1_024)
        #expect(shard.loop.handler.clients.queues.isEmpty)
        #expect(shard.loop.handler.core.unfinished.isEmpty)
        #expect(shard.loop.edge.connectionCount == 0)
    }

    @Test("large answers count as well")
    func answers() throws {
        let shard = try Shard { $0.client.queueMaxSize = 64 << 20 }
        let data = String(repeating: "x", count: 10_000)
        let publish = (0..<100).map { _ in #"{"publish":{"channel":"log:a","data":"\#(data)"}}"# }
        #expect(
            shard.call("batch", #"{"commands":[\#(publish.joined(separator: ","))]}"#).answer.contains(#""offset":100"#)
        )
        let client = shard.client()
        _ = client.heard()
        // Each answer is a megabyte.
        client.say(
            (0..<10).map { #"{"id":\#($0 + 2),"history":{"channel":"log:a","limit":-1}}"# }.joined(separator: "\n"))
        shard.turn()
        for turn in 1..<10 {
            let before = shard.loop.edge.counters.messagesSent
            shard.turn()
            #expect(shard.loop.edge.counters.messagesSent == before + 1, "turn \(turn)")
        }
    }

    // MARK: Batches

    private static let most = 10_000

    /// Calls that are answered at once, whether they succeed or fail.
    private static let calls = [
        #"{"publish":{"channel":"log:a","data":1}}"#, #"{"publish":{"channel":"no:where","data":1}}"#,
        #"{"presence":{"channel":"log:a"}}"#, #"{"presence_stats":{"channel":"room:a"}}"#,
        #"{"history":{"channel":"log:empty"}}"#, #"{"rpc":{"method":"x"}}"#, #"{"fly":{}}"#, "null",
        #"{"subscribe":{"channel":"log:a","user":"ann"}}"#, #"{"unsubscribe":{"channel":"log:a","user":"ann"}}"#,
        #"{"disconnect":{"user":"ann"}}"#, #"{"refresh":{"user":"ann"}}"#, #"{"channels":{}}"#, #"{"info":{}}"#,
        #"{"history_remove":{"channel":"log:a"}}"#, #"{"broadcast":{"channels":["log:a"],"data":1}}"#,
        #"{"send":{"user":"ann","data":1}}"#, #"{"connections":{"user":"ann"}}"#,
    ]

    @Test("as many calls as a batch may have, of each kind and in either way", arguments: calls)
    func batch(call: String) throws {
        let shard = try Shard()
        let commands = repeatElement(call, count: Self.most).joined(separator: ",")
        for parallel in [false, true] {
            let (answer, turns, most) = shard.call("batch", #"{"parallel":\#(parallel),"commands":[\#(commands)]}"#)
            #expect(answer.hasPrefix(#"{"replies":["#))
            // Answered in their order, none left out.
            #expect(answer.utf8.count { $0 == UInt8(ascii: ",") } >= Self.most - 1)
            if !call.contains("null"), !call.contains("fly") { #expect(turns > 5) }
            #expect(most <= 1_024)
        }
    }

    @Test("one call more than a batch may have is refused")
    func tooMany() throws {
        let shard = try Shard()
        let commands = repeatElement(Self.calls[0], count: Self.most + 1).joined(separator: ",")
        #expect(shard.call("batch", #"{"commands":[\#(commands)]}"#).answer.contains(#""code":107"#))
    }

    @Test("a broadcast to very many channels takes a slice a turn")
    func broadcast() throws {
        let shard = try Shard()
        let channels = (0..<100_000).map { "\"c\($0)\"" }.joined(separator: ",")
        let (answer, turns, most) = shard.call("broadcast", #"{"channels":[\#(channels)],"data":1}"#)
        #expect(answer.split(separator: #"{"result":{}}"#).count == 100_001)
        #expect(turns >= 100_000 / 1_024)
        #expect(most <= 1_024)
    }

    @Test("a bystander is answered while a batch is carried out")
    func besideBatch() throws {
        let shard = try Shard()
        let bystander = shard.client()
        _ = bystander.heard()
        let commands = repeatElement(Self.calls[0], count: Self.most).joined(separator: ",")
        let call = BackendCall(
            path: .method("batch"), query: "", headers: ["x-api-key": TestServer.apiKey],
            body: Array(#"{"commands":[\#(commands)]}"#.utf8)
        ) { _ in }
        shard.node.post(.backendCall(call), to: 0)
        for number in 2..<10 {
            bystander.say(#"{"id":\#(number),"presence_stats":{"channel":"room:x"}}"#)
            shard.turn()
            #expect(bystander.heard().contains(#""id":\#(number),"#))
        }
        #expect(shard.publications < UInt64(Self.most))
    }
}
