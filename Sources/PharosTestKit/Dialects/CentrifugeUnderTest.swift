package import PharosBytes
package import PharosDomain
package import PharosProtocol

/// The Centrifuge client protocol with the side of its clients.
package struct CentrifugeUnderTest: DialectUnderTest, CustomStringConvertible {
    private let encoding: WireFormat

    package init(_ encoding: WireFormat) { self.encoding = encoding }

    package var description: String { encoding == .json ? "Centrifuge, JSON" : "Centrifuge, protobuf" }

    package var dialect: any ClientDialect { CentrifugeDialect(encoding) }

    package var framings: [TransportFraming] {
        encoding == .json ? TransportFraming.allCases : [.frame, .stream]
    }

    package var commands: [Command] {
        [
            .connect(token: "t") {
                $0.data = CentrifugeUnderTest.payload
                $0.name = "js"
            },
            .subscribe(id: 2, "news", token: "t") {
                $0.recover = true
                $0.epoch = "e1"
                $0.offset = 41
                $0.recoverable = true
                $0.joinLeave = true
                $0.delta = "fossil"
            },
            .unsubscribe(id: 3, "news"), .publish(id: 4, "news", "[1]"), .presence(id: 5, "news"),
            .presenceStats(id: 6, "news"),
            .history(id: 7, "news", since: StreamPosition(offset: 3, epoch: "e1"), reverse: true),
            Command(id: 8, request: .ping), Command(id: 0, request: .send(data: CentrifugeUnderTest.payload)),
            Command(id: 9, request: .rpc(method: "m", data: CentrifugeUnderTest.payload)), .refresh(id: 10, token: "t"),
            .subRefresh(id: .max, "news", token: "t"), .pong,
        ]
    }

    package var malformed: [[UInt8]] {
        switch encoding {
        case .json: ["\n", "null", "[]", "{", #"{"id":-1}"#, #"{"connect":null}"#, "{}\n\n{}"].map { Array($0.utf8) }
        case .protobuf: [[1], [2, 0x0A], [0x80, 0x80, 0x80, 0x80, 0x08], [3, 0x2A, 0x05, 0x0A]]
        }
    }

    package var answers: [ServerMessage] {
        let info = ClientInfo(user: "42", client: "c1", connectionInfo: CentrifugeUnderTest.payload)
        return [
            .ping, .reply(Reply(id: 1, result: .error(.tooManyRequests))),
            .reply(Reply(id: 1, result: .connect(ConnectResult()))),
            .reply(Reply(id: 2, result: .subscribe(SubscribeResult()))), .reply(Reply(id: 3, result: .unsubscribe)),
            .reply(Reply(id: 4, result: .publish)), .reply(Reply(id: 5, result: .presence(["c1": info]))),
            .reply(Reply(id: 6, result: .presenceStats(clients: 2, users: 1))),
            .reply(
                Reply(
                    id: 7,
                    result: .history(
                        publications: [Publication(data: CentrifugeUnderTest.payload, offset: 1)],
                        top: StreamPosition(offset: 1, epoch: "e1")))),
            .reply(Reply(id: 8, result: .ping)), .reply(Reply(id: 9, result: .rpc(data: CentrifugeUnderTest.payload))),
            .reply(Reply(id: 10, result: .refresh(RefreshResult()))),
            .reply(Reply(id: 11, result: .subRefresh(expires: true, ttl: 60))),
            .push(Push(channel: "news", event: .publication(Publication(data: [0x31], offset: 2), epoch: "e1"))),
            .push(Push(channel: "news", event: .join(info))), .push(Push(channel: "news", event: .leave(info))),
            .push(Push(channel: "news", event: .unsubscribe(.expired))),
            .push(Push(channel: "", event: .message(data: CentrifugeUnderTest.payload))),
            .push(Push(channel: "news", event: .subscribe(ServerSubscription()))),
            .push(Push(channel: "", event: .connect(ConnectResult()))),
            .push(Push(channel: "", event: .disconnect(.shutdown))),
            .push(Push(channel: "", event: .refresh(expires: true, ttl: 60))),
        ]
    }

    private static let payload = Array(#"{"a":1}"#.utf8)

    package func write(_ command: Command, into writer: inout ByteWriter) {
        switch encoding {
        case .json: JSONCommandEncoder.encode(command, into: &writer)
        case .protobuf: ProtobufCommandEncoder.encode(command, into: &writer)
        }
    }

    package func read(_ message: [UInt8]) throws -> [ServerMessage] {
        try message.withUnsafeBytes { bytes in
            switch encoding {
            case .json: try JSONReplyDecoder.decode(bytes)
            case .protobuf: try ProtobufReplyDecoder.decode(bytes)
            }
        }
    }
}
