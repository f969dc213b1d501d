import PharosDomain
import PharosProtocol
import Testing

@Suite("Server API results")
struct ServerAPIResultTests {
    @Test("publish and broadcast")
    func publish() {
        #expect(
            Wire.text(.success(.publish(StreamPosition(offset: 1, epoch: "x"))))
                == #"{"result":{"offset":1,"epoch":"x"}}"#)
        #expect(Wire.text(.success(.publish(StreamPosition()))) == #"{"result":{}}"#)
        #expect(
            Wire.text(
                .success(.broadcast([.success(StreamPosition(offset: 2, epoch: "e")), .failure(.unknownChannel)])))
                == #"{"result":{"responses":[{"result":{"offset":2,"epoch":"e"}},{"error":{"code":102,"message":"unknown channel"}}]}}"#
        )
    }

    @Test("errors, wrapped and bare, without the flag that is for clients")
    func errors() {
        #expect(Wire.text(.failure(.internalError)) == #"{"error":{"code":100,"message":"internal server error"}}"#)
        #expect(
            Wire.text { APIResultEncoder.encodeBareError(.badRequest, into: &$0) }
                == #"{"code":107,"message":"bad request"}"#)
    }

    @Test("results that typed clients demand are there when empty")
    func emptyResults() {
        #expect(Wire.text(.success(.empty)) == #"{"result":{}}"#)
        #expect(Wire.text(.success(.presence([:]))) == #"{"result":{"presence":{}}}"#)
        #expect(
            Wire.text(.success(.presenceStats(clients: 0, users: 0))) == #"{"result":{"num_clients":0,"num_users":0}}"#)
        #expect(
            Wire.text(.success(.history(publications: [], top: StreamPosition(offset: 0, epoch: "e"))))
                == #"{"result":{"publications":[],"epoch":"e","offset":0}}"#)
        #expect(Wire.text(.success(.channels([:], nextCursor: ""))) == #"{"result":{"channels":{}}}"#)
        #expect(Wire.text(.success(.info([]))) == #"{"result":{"nodes":[]}}"#)
        #expect(Wire.text(.success(.value(APIRPC.Output(data: [])))) == #"{"result":{}}"#)
    }

    @Test("presence, history, channels, rpc")
    func reading() {
        #expect(
            Wire.text(.success(.presence(["id": JSONSamples.client])))
                == #"{"result":{"presence":{"id":{"user":"42","client":"id","conn_info":{"name":"Ann"},"chan_info":[null]}}}}"#
        )
        #expect(
            Wire.text(
                .success(
                    .history(
                        publications: [
                            Publication(
                                data: utf8("{\n}"), info: ClientInfo(user: "u", client: "c"), offset: 1,
                                tags: ["a": "b"])
                        ], top: StreamPosition(offset: 1, epoch: "e"))))
                == #"{"result":{"publications":[{"data":{},"info":{"user":"u","client":"c"},"offset":1,"tags":{"a":"b"}}],"epoch":"e","offset":1}}"#
        )
        #expect(
            Wire.text(.success(.channels(["c\"": 3], nextCursor: "n")))
                == #"{"result":{"channels":{"c\"":{"num_clients":3}},"next_cursor":"n"}}"#)
        #expect(Wire.text(.success(.value(APIRPC.Output(data: utf8("[1]"))))) == #"{"result":{"data":[1]}}"#)
    }

    @Test("a node, a client and a channel of which nothing is known have all fields that the reference always writes")
    func leastParts() {
        #expect(
            Wire.text(.success(.info([APINodeInfo()])))
                == #"{"result":{"nodes":[{"uid":"","name":"","version":"","num_clients":0,"num_users":0,"num_subs":0,"num_channels":0,"uptime":0}]}}"#
        )
        #expect(
            Wire.text(.success(.presence(["c": ClientInfo(user: "", client: "")])))
                == #"{"result":{"presence":{"c":{"user":"","client":""}}}}"#)
        #expect(
            Wire.text(
                .success(
                    .history(
                        publications: [Publication(data: utf8("1"), info: ClientInfo(user: "", client: "c"))],
                        top: StreamPosition())))
                == #"{"result":{"publications":[{"data":1,"info":{"user":"","client":"c"}}],"epoch":"","offset":0}}"#)
        #expect(
            Wire.text(.success(.channels(["c": 0], nextCursor: "")))
                == #"{"result":{"channels":{"c":{"num_clients":0}}}}"#
        )
        #expect(
            Wire.text(.success(.broadcast([.success(StreamPosition()), .failure(.badRequest)])))
                == #"{"result":{"responses":[{"result":{}},{"error":{"code":107,"message":"bad request"}}]}}"#)
        #expect(Wire.text(.success(.connections([], nextCursor: ""))) == #"{"result":{"connections":[]}}"#)
    }

    @Test("a payload that is not JSON keeps the answer valid")
    func binaryPayload() {
        let text = Wire.text(
            .success(.history(publications: [Publication(data: [0, 255], offset: 1)], top: StreamPosition(offset: 1))))
        #expect(
            text == #"{"result":{"publications":[{"data":null,"b64data":"AP8=","offset":1}],"epoch":"","offset":1}}"#)
    }

    @Test("info of a node")
    func info() {
        var node = APINodeInfo()
        node.uid = "u"
        node.name = "n"
        node.version = "1"
        node.clients = 4
        node.users = 3
        node.subscriptions = 2
        node.channels = 1
        node.uptime = 60
        node.metrics = .init(interval: 60, items: ["a": .infinity])
        node.process = .init(cpu: 1.5, residentMemory: 1_000)
        #expect(
            Wire.text(.success(.info([node])))
                == #"{"result":{"nodes":[{"uid":"u","name":"n","version":"1","num_clients":4,"num_users":3,"num_subs":2,"num_channels":1,"uptime":60,"metrics":{"interval":60.0,"items":{"a":0}},"process":{"cpu":1.5,"rss":1000}}]}}"#
        )
    }

    @Test("a batch answers without a result around its replies, each under its method's name")
    func batch() {
        let replies = [
            APIBatchReply(name: "publish", result: .success(.publish(StreamPosition(offset: 1, epoch: "e")))),
            APIBatchReply(name: "publish", result: .failure(.badRequest)),
            APIBatchReply(name: "presence_stats", result: .success(.presenceStats(clients: 1, users: 1))),
            APIBatchReply(name: "unsubscribe", result: .success(.empty)),
        ]
        #expect(
            Wire.text(.success(.batch(replies)))
                == #"{"replies":[{"publish":{"offset":1,"epoch":"e"}},{"error":{"code":107,"message":"bad request"}},{"presence_stats":{"num_clients":1,"num_users":1}},{"unsubscribe":{}}]}"#
        )
        #expect(Wire.text(.success(.batch([]))) == #"{"replies":[]}"#)
    }
}
