import PharosBytes
import PharosDomain
import PharosProtocol

/// A kind of server, with its way to subscribe and publish.
///
/// They are Pharos, and the servers it is compared with.
enum BenchPeer: String, CaseIterable, Sendable {
    case pharos
    /// nginx with nchan: `/sub?id=` and `/pub?id=`.
    case nchan
    /// A uWebSockets server that takes `sub TOPIC` and `POST /pub?topic=`.
    case uws

    static func channelName(_ channel: Int) -> String { "bench\(channel)" }

    /// Whether one connection may have several channels.
    var hasManyChannelsPerConnection: Bool { self != .nchan }

    func subscriberPath(channel: Int) -> String {
        switch self {
        case .pharos: "/connection/websocket"
        case .nchan: "/sub?id=\(Self.channelName(channel))"
        case .uws: "/"
        }
    }

    func publisherPath(channel: Int) -> String {
        switch self {
        case .pharos: "/api/publish"
        case .nchan: "/pub?id=\(Self.channelName(channel))"
        case .uws: "/pub?topic=\(Self.channelName(channel))"
        }
    }

    /// The messages that subscribe after the upgrade, in order.
    func subscribeMessages(channels: [Int], token: String, format: WireFormat) -> [[UInt8]] {
        switch self {
        case .nchan: return []
        case .uws: return channels.map { Array("sub \(Self.channelName($0))".utf8) }
        case .pharos:
            // One message with all commands, as clients of the protocol do.
            var connect = ConnectRequest()
            connect.token = token
            var commands = [Command(id: 1, request: .connect(connect))]
            for (index, channel) in channels.enumerated() {
                let request = SubscribeRequest(channel: ChannelName(Self.channelName(channel)))
                commands.append(Command(id: UInt32(index + 2), request: .subscribe(request)))
            }
            var writer = ByteWriter()
            for (index, command) in commands.enumerated() {
                switch format {
                case .json:
                    if index > 0 { writer.append(UInt8(ascii: "\n")) }
                    JSONCommandEncoder.encode(command, into: &writer)
                case .protobuf: ProtobufCommandEncoder.encode(command, into: &writer)
                }
            }
            return [writer.array]
        }
    }

    /// The text around the marker and its filling in a publish request's body.
    func bodyFrame(channel: Int) -> (before: String, after: String) {
        switch self {
        case .pharos: ("{\"channel\":\"\(Self.channelName(channel))\",\"data\":{\"m\":\"", "\"}}")
        case .nchan, .uws: ("", "")
        }
    }

    /// The meaning of a message to a subscriber that is not yet ready.
    enum Confirmation: Equatable {
        /// So many subscriptions stand.
        case subscribed(Int)
        case refused(String)
    }

    func confirmation(_ message: UnsafeRawBufferPointer, format: WireFormat) -> Confirmation {
        guard self == .pharos else { return .subscribed(message.elementsEqual("ok".utf8) ? 1 : 0) }
        do throws(MalformedFrame) {
            let messages =
                switch format {
                case .json: try JSONReplyDecoder.decode(message)
                case .protobuf: try ProtobufReplyDecoder.decode(message)
                }
            var count = 0
            for case .reply(let reply) in messages {
                switch reply.result {
                case .subscribe: count += 1
                case .error(let error): return .refused("\(error.message) (\(error.code))")
                default: break
                }
            }
            return .subscribed(count)
        } catch {
            return .refused("not the protocol: \(error.reason)")
        }
    }
}
