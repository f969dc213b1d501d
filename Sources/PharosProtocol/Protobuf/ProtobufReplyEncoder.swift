package import PharosBytes
package import PharosDomain

/// Writes the server's messages in Protobuf.
///
/// Each has its length before it.
package enum ProtobufReplyEncoder {
    /// Appends the answer to a command.
    package static func encode(_ reply: Reply, into writer: inout ByteWriter) {
        writer.appendDelimited { message in
            message.appendField(1, reply.id)
            message.appendMessage(fieldNumber(of: reply.result)) { append(reply.result, into: &$0) }
        }
    }

    /// Appends the ping: an empty message, one zero byte.
    package static func encodePing(into writer: inout ByteWriter) {
        writer.append(0)
    }

    /// The number of a payload in `Reply`.
    ///
    /// It is one more than in `Command` from `connect` to `ping`; the rest agree.
    private static func fieldNumber(of result: Reply.Result) -> Int {
        switch result {
        case .error: 2
        case .connect: 5
        case .subscribe: 6
        case .unsubscribe: 7
        case .publish: 8
        case .presence: 9
        case .presenceStats: 10
        case .history: 11
        case .ping: 12
        case .rpc: 13
        case .refresh: 14
        case .subRefresh: 15
        }
    }

    private static func append(_ result: Reply.Result, into writer: inout ByteWriter) {
        switch result {
        case .error(let error):
            writer.appendField(1, error.code)
            writer.appendField(2, error.message)
            writer.appendField(3, error.isTemporary)
        case .connect(let result): append(result, into: &writer)
        case .subscribe(let result): append(result, into: &writer)
        case .unsubscribe, .publish, .ping: break
        case .presence(let clients):
            writer.appendMap(1, clients) { entry, info in ProtobufPublication.append(2, info, into: &entry) }
        case .presenceStats(let clients, let users):
            writer.appendField(1, clients)
            writer.appendField(2, users)
        case .history(let publications, let top):
            for publication in publications { ProtobufPublication.append(1, publication, into: &writer) }
            writer.appendField(2, top.epoch)
            writer.appendField(3, top.offset)
        case .rpc(let data): writer.appendField(1, data)
        case .refresh(let result):
            writer.appendField(1, result.client)
            writer.appendField(2, result.version)
            writer.appendField(3, result.expires)
            writer.appendField(4, result.ttl)
        case .subRefresh(let expires, let ttl):
            writer.appendField(1, expires)
            writer.appendField(2, ttl)
        }
    }

    /// Fields 1 to 11, in the connect reply and in the push `connect` alike.
    static func append(_ result: ConnectResult, into writer: inout ByteWriter) {
        writer.appendField(1, result.client)
        writer.appendField(2, result.version)
        writer.appendField(3, result.expires)
        writer.appendField(4, result.ttl)
        writer.appendField(5, result.data)
        writer.appendMap(6, result.subscriptions) { entry, subscription in
            entry.appendMessage(2) { append(subscription, into: &$0) }
        }
        writer.appendField(7, result.ping)
        writer.appendField(8, result.pong)
        writer.appendField(9, result.session)
        writer.appendField(10, result.node)
        writer.appendField(11, result.timeMs)
    }

    private static func append(_ result: SubscribeResult, into writer: inout ByteWriter) {
        writer.appendField(1, result.expires)
        writer.appendField(2, result.ttl)
        writer.appendField(3, result.recoverable)
        writer.appendField(6, result.epoch)
        for publication in result.publications { ProtobufPublication.append(7, publication, into: &writer) }
        writer.appendField(8, result.recovered)
        writer.appendField(9, result.offset)
        writer.appendField(10, result.positioned)
        writer.appendField(11, result.data)
        writer.appendField(12, result.wasRecovering)
        writer.appendField(13, result.delta)
    }
}
