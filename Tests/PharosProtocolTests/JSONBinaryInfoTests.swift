import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

/// Tokens and the server API may bring bytes that are no JSON (`b64info`, `b64data`).
struct JSONBinaryInfoTests {
    @Test("binary information about a client is left out for readers of JSON, and their message stays whole")
    func leftOut() throws {
        let info = ClientInfo(
            user: "42", client: "c", connectionInfo: [0xff, 0x00], channelInfo: Array(#"{"seat":2}"#.utf8))
        var writer = ByteWriter()
        JSONReplyEncoder.encode(Push(channel: "chat", event: .join(info)), into: &writer)
        let text = String(decoding: writer.array, as: UTF8.self)
        #expect(
            text == #"{"push":{"channel":"chat","join":{"info":{"user":"42","client":"c","chan_info":{"seat":2}}}}}"#)
    }

    @Test("binary data of a subscription is left out for readers of JSON")
    func dataOfSubscription() {
        var result = SubscribeResult()
        result.data = [0x7b]
        var writer = ByteWriter()
        JSONReplyEncoder.encode(Reply(id: 2, result: .subscribe(result)), into: &writer)
        #expect(String(decoding: writer.array, as: UTF8.self) == #"{"id":2,"subscribe":{}}"#)
    }
}
