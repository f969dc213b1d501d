import PharosDomain
import PharosProtocol
import Testing

/// Numbers of the protocol that become words of the domain: `flag` and `type`.
@Suite("flags and types of requests")
struct SubscribeFlagTests {
    private typealias Samples = ProtobufSamples

    private func json(_ request: String) throws -> Request? { try Wire.commands(#"{"id":1,\#(request)}"#)[0].request }

    /// A command with id 1 and `payload` as field `number`.
    private func protobuf(_ number: UInt8, _ payload: String) throws -> Request? {
        let payload = Samples.hex(payload)
        return try Samples.commands(Samples.framed([8, 1, number << 3 | 2] + Samples.framed(payload)))[0].request
    }

    @Test(
        "bit 2 of a subscribe's flag rejects what cannot be recovered, all other bits say nothing",
        arguments: Int64(-8)...8)
    func flag(_ flag: Int64) throws {
        var expected = SubscribeRequest(channel: "c")
        expected.rejectsUnrecovered = [2, 3, 6, 7, -2, -1, -6, -5].contains(flag)
        #expect(try json(#""subscribe":{"channel":"c","flag":\#(flag)}"#) == .subscribe(expected))
        guard flag >= 0 else { return }
        #expect(try protobuf(5, "0a0163 700\(flag)") == .subscribe(expected))
    }

    @Test("of a flag that comes twice the last counts; null is none")
    func lastFlag() throws {
        let plain = Request.subscribe(SubscribeRequest(channel: "c"))
        #expect(try json(#""subscribe":{"channel":"c","flag":2,"flag":0}"#) == plain)
        #expect(try json(#""subscribe":{"channel":"c","flag":null}"#) == plain)
        #expect(try protobuf(5, "0a0163 7002 7001") == plain)
    }

    @Test("a connect's flag is read, since it must be a number, and changes nothing")
    func connectFlag() throws {
        #expect(try json(#""connect":{"flag":1}"#) == .connect(ConnectRequest()))
        #expect(try json(#""connect":{"flag":"1"}"#)?.isMalformedConnect == true)
        #expect(try protobuf(4, "3801") == .connect(ConnectRequest()))
        #expect(try protobuf(4, "3a0131")?.isMalformedConnect == true)
    }

    @Test("of all types only 0 is served, whatever comes after it", arguments: [Int32.min, -7, 1, 2, .max])
    func type(_ type: Int32) throws {
        var subscribe = SubscribeRequest(channel: "c")
        #expect(try json(#""subscribe":{"channel":"c","type":\#(type),"type":0}"#) == .subscribe(subscribe))
        subscribe.unsupported = .otherType
        #expect(try json(#""subscribe":{"channel":"c","type":\#(type)}"#) == .subscribe(subscribe))
        var publish = PublishRequest()
        publish.unsupported = .otherType
        #expect(try json(#""publish":{"type":\#(type)}"#) == .publish(publish))
        var refresh = SubRefreshRequest()
        refresh.unsupported = .otherType
        #expect(try json(#""sub_refresh":{"type":\#(type)}"#) == .subRefresh(refresh))
    }

    @Test("a tags filter that is taken back is none")
    func filter() throws {
        var expected = SubscribeRequest(channel: "c")
        #expect(try json(#""subscribe":{"channel":"c","tf":{},"tf":null}"#) == .subscribe(expected))
        expected.unsupported = [.tagsFilter, .otherType]
        #expect(try json(#""subscribe":{"channel":"c","type":1,"tf":{"op":"and"}}"#) == .subscribe(expected))
    }
}

extension Request {
    fileprivate var isMalformedConnect: Bool {
        guard case .malformed(let request) = self else { return false }
        return request.isConnect
    }
}
