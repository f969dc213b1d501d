package import PharosBytes
package import PharosDomain

/// Pushes travel as field 4 of a reply without an id.
extension ProtobufReplyEncoder {
    /// Appends something that the client did not ask for.
    package static func encode(_ push: Push, into writer: inout ByteWriter) {
        if case .publication(let publication, let epoch) = push.event {
            encodePublication(channel: push.channel, publication, epoch: epoch, into: &writer)
            return
        }
        writer.appendDelimited { reply in
            reply.appendMessage(4) { message in
                message.appendField(2, push.channel)
                append(push.event, into: &message)
            }
        }
    }

    /// Appends a publication as a push.
    ///
    /// This is the path of every broadcast, once per channel and format.
    ///
    /// Does not allocate beyond the writer's own growth, except to sort two or more tags. All sizes are known before the
    /// first byte is written, so nothing moves.
    package static func encodePublication(
        channel: ChannelName, _ publication: Publication, epoch: Epoch, into writer: inout ByteWriter
    ) {
        let content = ProtobufPublication.size(of: publication, epoch: epoch)
        let push = ProtobufPublication.size(channel) + ProtobufPublication.size(delimited: content)
        let reply = ProtobufPublication.size(delimited: push)
        writer.reserve(reply + 10)
        writer.appendVarint(UInt64(reply))
        writer.appendLength(4, push)
        writer.appendField(2, channel)
        writer.appendLength(4, content)
        ProtobufPublication.appendContent(publication, epoch: epoch, into: &writer)
    }

    private static func append(_ event: Push.Event, into writer: inout ByteWriter) {
        switch event {
        case .publication(let publication, let epoch):
            ProtobufPublication.append(4, publication, epoch: epoch, into: &writer)
        case .join(let info):
            writer.appendMessage(5) { ProtobufPublication.append(1, info, into: &$0) }
        case .leave(let info):
            writer.appendMessage(6) { ProtobufPublication.append(1, info, into: &$0) }
        case .unsubscribe(let reason):
            writer.appendMessage(7) { message in
                message.appendField(2, reason.code)
                message.appendField(3, reason.reason)
            }
        case .message(let data):
            writer.appendMessage(8) { $0.appendField(1, data) }
        case .subscribe(let subscription):
            writer.appendMessage(9) { append(subscription, into: &$0) }
        case .connect(let result):
            writer.appendMessage(10) { append(result, into: &$0) }
        case .disconnect(let disconnect):
            // `reconnect` (3) stays unset: the code decides.
            writer.appendMessage(11) { message in
                message.appendField(1, disconnect.code)
                message.appendField(2, disconnect.reason)
            }
        case .refresh(let expires, let ttl):
            writer.appendMessage(12) { message in
                message.appendField(1, expires)
                message.appendField(2, ttl)
            }
        }
    }

    private static func append(_ subscription: ServerSubscription, into writer: inout ByteWriter) {
        writer.appendField(1, subscription.recoverable)
        writer.appendField(4, subscription.epoch)
        writer.appendField(5, subscription.offset)
        writer.appendField(6, subscription.positioned)
        writer.appendField(7, subscription.data)
    }
}
