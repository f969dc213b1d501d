import PharosDomain
import PharosProtocol
import PharosTestKit

/// One plain event stream as a transcript.
///
/// Each thing that happens goes in; one line for each thing to be done comes out.
struct EventsScene {
    let speaker: DialectSpeaker

    init(_ query: String, _ configure: (inout ConversationRequest) -> Void = { _ in }) throws {
        speaker = try Array(query.utf8).withUnsafeBytes { query in
            var request = ConversationRequest(query: query)
            request.sessionTTLMs = 60_000
            configure(&request)
            return try DialectSpeaker(EventsDialect(), request)
        }
    }

    /// A stream whose channels are subscribed, with its first message taken off.
    static func begun(
        _ query: String, channels: [ChannelName], _ configure: (inout SubscribeResult) -> Void = { _ in }
    ) throws -> EventsScene {
        let scene = try EventsScene(query)
        _ = scene.opened()
        _ = scene.connected()
        for index in channels.indices { _ = scene.subscribed(UInt32(index) + 2, configure) }
        for (index, channel) in channels.enumerated() { _ = scene.lane(channel, isOnly: index == 0) }
        return scene
    }

    var conversation: any Conversation { speaker.conversation! }

    func opened() -> [String] { lines(speaker.open(as: "c1")) }

    func connected(_ configure: (inout ConnectResult) -> Void = { _ in }) -> [String] {
        var result = ConnectResult()
        result.client = "c1"
        configure(&result)
        return lines(speaker.say(Reply(id: 1, result: .connect(result))))
    }

    func subscribed(_ id: UInt32, _ configure: (inout SubscribeResult) -> Void = { _ in }) -> [String] {
        var result = SubscribeResult()
        configure(&result)
        return lines(speaker.say(Reply(id: id, result: .subscribe(result))))
    }

    func refused(_ id: UInt32, _ error: ReplyError) -> [String] {
        lines(speaker.say(Reply(id: id, result: .error(error))))
    }

    func pushed(_ channel: ChannelName, _ event: Push.Event) -> [String] {
        lines(speaker.say(Push(channel: channel, event: event)))
    }

    func published(_ channel: ChannelName, _ data: String, offset: UInt64 = 0, epoch: Epoch = "e1") -> [String] {
        lines(speaker.publish(Publication(data: utf8(data), offset: offset), in: channel, epoch: epoch))
    }

    func message(_ data: String, isJSON: Bool = true) -> [String]? {
        speaker.message(utf8(data), isJSON: isJSON).map { lines($0) }
    }

    func dropped(_ count: Int, _ channel: ChannelName) -> [String] { lines(speaker.drop(count, in: channel)) }

    func pinged() -> [String] { lines(speaker.ping()) }

    func ended(_ reason: Disconnect) -> [String] { lines(speaker.end(reason)) }

    func lane(_ channel: ChannelName, isOnly: Bool) -> LaneForm { conversation.lane(for: channel, isOnly: isOnly) }

    private func lines(_ said: [DialectSpeaker.Said]) -> [String] {
        said.map { said in
            switch said {
            case .message(let bytes): "send " + text(bytes)
            case .begun(let fields): "begin" + (fields.isEmpty ? "" : " " + text(fields))
            case .refused(let status, let message, let fields):
                "refuse \(status) \(message)" + (fields.isEmpty ? "" : " " + text(fields))
            case .commands(let commands): commands.map { Wire.text($0) }.joined(separator: "\n")
            case .allowedOutput: "allow"
            case .disconnects(let reason): "disconnect \(reason.code)"
            case .ended(let style, let last): "end \(style == .lastMessage(.text) ? text(last) : "\(style)")"
            }
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// The id with positions in these channels, all of the epoch `e1`.
    static func id(_ positions: [ChannelName: UInt64]) -> String {
        PositionCursor.encode(positions.map { ($0.key, StreamPosition(offset: $0.value, epoch: "e1")) })
    }

    /// The first message of a stream.
    static func info(
        _ subscriptions: String = "", recovered: String = "", id: String = "v2.", client: String = "c1", ttl: Int = 0
    ) -> String {
        "retry: 1000\nid: \(id)\ndata: {\"config\":{\"client_id\":\"\(client)\",\"client_ttl_millis\":\(ttl)},"
            + "\"subscriptions\":[\(subscriptions)],\"recovered\":{\(recovered)}}\n\n"
    }

    static func failure(_ code: String, _ message: String, _ topic: String, id: String = "") -> String {
        (id.isEmpty ? "" : "id: \(id)\n")
            + "data: {\"error\":{\"code\":\"\(code)\",\"message\":\"\(message)\",\"topic\":\"\(topic)\"}}\n\n"
    }
}
