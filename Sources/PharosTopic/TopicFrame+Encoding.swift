package import PharosBytes
import PharosCluster
import PharosDomain
import PharosProtocol

extension TopicFrame {
    /// Appends the message with its length before it.
    package func append(to writer: inout ByteWriter) {
        let start = writer.count
        for _ in 0..<4 { writer.append(0) }
        appendContent(to: &writer)
        let length = UInt32(writer.count - start - 4)
        for index in 0..<4 {
            writer.set(UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index)), at: start + index)
        }
    }

    private func appendContent(to writer: inout ByteWriter) {
        switch self {
        case .challenge(let version, let nonce):
            writer.appendMessage(1) { message in
                message.appendField(1, version)
                message.appendField(2, nonce)
            }
        case .hello(let hello):
            writer.appendMessage(2) { message in
                message.appendField(1, hello.version)
                message.appendField(2, hello.mark)
                message.appendField(3, hello.name)
                message.appendField(4, hello.nonce)
                message.appendField(5, hello.code)
            }
        case .welcome(let hub, let code, let wallMs):
            writer.appendMessage(3) { message in
                message.appendField(1, hub)
                message.appendField(2, code)
                message.appendField(3, wallMs)
            }
        case .refused(let reason): writer.appendMessage(4) { $0.appendField(1, reason) }
        case .request(let relay, let ticket, let request, let moment):
            writer.appendMessage(5) { message in
                message.appendField(1, relay)
                message.appendField(2, ticket)
                message.appendField(3, moment.monotonicMs)
                message.appendField(4, moment.wallMs)
                message.appendMessage(5) { request.append(to: &$0) }
            }
        case .completed(let relay, let ticket, let result):
            writer.appendMessage(6) { message in
                message.appendField(1, relay)
                message.appendField(2, ticket)
                TopicFrame.append(result, to: &message)
            }
        case .publication(let channel, let epoch, let publication, let except):
            writer.appendMessage(7) { message in
                message.appendField(1, channel)
                message.appendField(2, epoch)
                message.appendMessage(3) { envelope in
                    PublicationEnvelope(publication: publication, except: except).encode(into: &envelope)
                }
            }
        case .member(let channel, let change):
            writer.appendMessage(8) { message in
                message.appendField(1, channel)
                message.appendMessage(2) { MemberEnvelope(change).encode(into: &$0) }
            }
        case .bus(let node, let bytes):
            writer.appendMessage(9) { message in
                message.appendField(1, node)
                message.appendField(2, bytes)
            }
        case .ping: writer.appendMessage(10) { _ in }
        case .pong: writer.appendMessage(11) { _ in }
        case .gap(let channel): writer.appendMessage(12) { $0.appendField(1, channel) }
        }
    }

    private static func append(_ result: Result<EngineOutcome, ReplyError>, to writer: inout ByteWriter) {
        switch result {
        case .failure(let error):
            writer.appendMessage(3) { message in
                message.appendField(1, error.code)
                message.appendField(2, error.message)
                message.appendField(3, error.isTemporary)
            }
        case .success(.position(let position)): writer.appendMessage(4) { append(position, to: &$0) }
        case .success(.done): writer.appendMessage(5) { _ in }
        case .success(.read(let read)):
            writer.appendMessage(6) { message in
                message.appendMessage(1) { append(read.top, to: &$0) }
                for publication in read.publications {
                    message.appendMessage(2) { envelope in
                        PublicationEnvelope(publication: publication).encode(into: &envelope)
                    }
                }
            }
        }
    }

    static func append(_ position: StreamPosition, to writer: inout ByteWriter) {
        writer.appendField(1, position.offset)
        writer.appendField(2, position.epoch)
    }
}

extension EngineRequest {
    func append(to writer: inout ByteWriter) {
        switch self {
        case .publish(let publish):
            writer.appendMessage(1) { message in
                message.appendField(1, publish.channel)
                message.appendOptions(2, publish.options)
                message.appendMessage(3) { envelope in
                    PublicationEnvelope(publication: publish.publication, except: publish.except)
                        .encode(into: &envelope)
                }
                message.appendField(4, publish.skipHistory)
                message.appendField(5, publish.idempotencyKey)
                message.appendField(6, publish.version)
                message.appendField(7, publish.versionEpoch)
            }
        case .read(let channel, let options, let after, let limit, let floor):
            writer.appendRead(2, channel, options, after, limit, floor)
        case .readBackwards(let channel, let options, let before, let limit, let floor):
            writer.appendRead(3, channel, options, before, limit, floor)
        case .removeHistory(let channel, let options):
            writer.appendMessage(4) { message in
                message.appendField(1, channel)
                message.appendOptions(2, options)
            }
        case .follow(let channel, let options):
            writer.appendMessage(5) { message in
                message.appendField(1, channel)
                message.appendOptions(2, options)
            }
        case .unfollow(let channel): writer.appendMessage(6) { $0.appendField(1, channel) }
        case .announce(let change, let channel):
            writer.appendMessage(7) { message in
                message.appendField(1, channel)
                message.appendMessage(2) { MemberEnvelope(change).encode(into: &$0) }
            }
        }
    }
}

extension ByteWriter {
    /// The options that decide about numbering and keeping; all others are the node's.
    fileprivate mutating func appendOptions(_ number: Int, _ options: ChannelOptions) {
        appendMessage(number) { message in
            message.appendField(1, UInt64(max(options.historySize, 0)))
            message.appendField(2, UInt64(max(options.historyTTL, 0)))
            message.appendField(3, UInt64(max(options.historyMetaTTL, 0)))
            message.appendField(4, options.durability.rawValue)
        }
    }

    fileprivate mutating func appendRead(
        _ number: Int, _ channel: ChannelName, _ options: ChannelOptions, _ bound: UInt64?, _ limit: Int,
        _ floor: UInt64
    ) {
        appendMessage(number) { message in
            message.appendField(1, channel)
            message.appendOptions(2, options)
            if let bound { message.appendMessage(3) { $0.appendField(1, bound) } }
            message.appendField(4, UInt64(max(limit, 0)))
            message.appendField(5, floor)
        }
    }
}
