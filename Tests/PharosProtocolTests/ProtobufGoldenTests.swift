import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("Protobuf: bytes as written by hand")
struct ProtobufGoldenTests {
    private typealias Samples = ProtobufSamples

    @Test("subscribe, its reply, a publication and an error have the bytes that other servers and clients use")
    func examples() throws {
        let subscribe = Command(id: 2, request: .subscribe(SubscribeRequest(channel: "ch")))
        let subscribeBytes = Samples.hex("08 08 02 2a 04 0a 02 63 68")
        #expect(Samples.encode(subscribe) == subscribeBytes)
        #expect(try Samples.commands(subscribeBytes) == [subscribe])

        let reply = ServerMessage.reply(Reply(id: 2, result: .subscribe(SubscribeResult())))
        #expect(Samples.encode(reply) == Samples.hex("04 08 02 32 00"))
        #expect(try Samples.messages(Samples.hex("04 08 02 32 00")) == [reply])

        let push = ServerMessage.push(
            Push(channel: "ch", event: .publication(Publication(data: Array("{}".utf8)), epoch: "")))
        #expect(Samples.encode(push) == Samples.hex("0c 22 0a 12 02 63 68 22 04 22 02 7b 7d"))

        let error = ServerMessage.reply(Reply(id: 3, result: .error(.permissionDenied)))
        #expect(
            Samples.encode(error)
                == Samples.hex("19 08 03 12 15 08 67 12 11") + Array("permission denied".utf8))
    }

    @Test("ping and pong are one zero byte")
    func pingAndPong() throws {
        #expect(Samples.encode(.ping) == [0])
        #expect(try Samples.messages([0]) == [.ping])
        #expect(Samples.encode(Command(id: 0, request: nil)) == [0])
        #expect(try Samples.commands([0]) == [Command(id: 0, request: nil)])
    }

    @Test("a negative history limit takes ten bytes")
    func negativeLimit() throws {
        var history = HistoryRequest()
        history.channel = "c"
        history.limit = -1
        let bytes = Samples.hex("12 08 01 52 0e 0a 01 63 38 ff ff ff ff ff ff ff ff ff 01")
        #expect(Samples.encode(Command(id: 1, request: .history(history))) == bytes)
        #expect(try Samples.commands(bytes) == [Command(id: 1, request: .history(history))])
    }

    @Test("maps are written in the order of their keys")
    func mapOrder() {
        let clients = Reply.Result.presence([
            "b": ClientInfo(user: "2", client: "b"), "a": ClientInfo(user: "1", client: "a"),
        ])
        #expect(
            Samples.encode(.reply(Reply(id: 1, result: clients)))
                == Samples.hex(
                    "1e 08 01 4a 1a 0a 0b 0a 01 61 12 06 0a 01 31 12 01 61 0a 0b 0a 01 62 12 06 0a 01 32 12 01 62"))
    }

    @Test("a push is written alike by both paths, whatever it holds")
    func hotPath() {
        for channel: ChannelName in ["", "ch", ChannelName(String(repeating: "x", count: 255))] {
            for size in [0, 1, 100, 110, 120, 127, 128, 16_000, 16_384, 70_000] {
                for tags: [TagKey: String] in [[:], ["a": "1"], ["b": "2", "a": ""]] {
                    let publication = Publication(
                        data: Array(repeating: 1, count: size), info: ProtobufSamples.info, offset: UInt64(size),
                        tags: tags, timeMs: -1)
                    var hot = ByteWriter(capacity: 16)
                    ProtobufReplyEncoder.encodePublication(channel: channel, publication, epoch: "e", into: &hot)
                    let push = Push(channel: channel, event: .publication(publication, epoch: "e"))
                    #expect(hot.array == Samples.encode(.push(push)))
                    #expect(try! Samples.messages(hot.array) == [.push(push)])
                }
            }
        }
    }
}
