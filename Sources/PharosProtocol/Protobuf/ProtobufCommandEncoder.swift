package import PharosBytes
package import PharosDomain

/// Writes commands as a client does.
///
/// It is for the command line, the load generator and the tests.
package enum ProtobufCommandEncoder {
    /// Appends `command` with its length before it.
    ///
    /// A command without id and request is the pong, one zero byte. A malformed one is none that a client says: nothing
    /// but its id is written.
    package static func encode(_ command: Command, into writer: inout ByteWriter) {
        writer.appendDelimited { message in
            message.appendField(1, command.id)
            guard let request = command.request, !request.isMalformed else { return }
            message.appendMessage(fieldNumber(of: request)) { append(request, into: &$0) }
        }
    }

    private static func fieldNumber(of request: Request) -> Int {
        switch request {
        case .connect: 4
        case .subscribe: 5
        case .unsubscribe: 6
        case .publish: 7
        case .presence: 8
        case .presenceStats: 9
        case .history: 10
        case .ping: 11
        case .send: 12
        case .rpc: 13
        case .refresh: 14
        case .subRefresh: 15
        case .malformed: preconditionFailure("not written")
        }
    }

    private static func append(_ request: Request, into writer: inout ByteWriter) {
        switch request {
        case .connect(let request): append(request, into: &writer)
        case .subscribe(let request): append(request, into: &writer)
        case .unsubscribe(let channel), .presence(let channel), .presenceStats(let channel):
            writer.appendField(1, channel)
        case .publish(let request):
            writer.appendField(1, request.channel)
            writer.appendField(2, request.data)
            writer.appendField(3, request.unsupported.type)
        case .history(let request): append(request, into: &writer)
        case .ping: break
        case .send(let data): writer.appendField(1, data)
        case .rpc(let method, let data):
            writer.appendField(1, data)
            writer.appendField(2, method)
        case .refresh(let token): writer.appendField(1, token)
        case .subRefresh(let request):
            writer.appendField(1, request.channel)
            writer.appendField(2, request.token)
            writer.appendField(3, request.unsupported.type)
        case .malformed: break
        }
    }

    private static func append(_ request: ConnectRequest, into writer: inout ByteWriter) {
        writer.appendField(1, request.token)
        writer.appendField(2, request.data)
        writer.appendMap(3, request.subscriptions) { entry, subscription in
            entry.appendMessage(2) { append(subscription, into: &$0) }
        }
        writer.appendField(4, request.name)
        writer.appendField(5, request.version)
        writer.appendMap(6, request.headers) { entry, value in entry.appendField(2, value) }
    }

    private static func append(_ request: SubscribeRequest, into writer: inout ByteWriter) {
        writer.appendField(1, request.channel)
        writer.appendField(2, request.token)
        writer.appendField(3, request.recover)
        writer.appendField(6, request.epoch)
        writer.appendField(7, request.offset)
        writer.appendField(8, request.data)
        writer.appendField(9, request.positioned)
        writer.appendField(10, request.recoverable)
        writer.appendField(11, request.joinLeave)
        writer.appendField(12, request.delta)
        if request.unsupported.contains(.tagsFilter) { writer.appendMessage(13) { _ in } }
        writer.appendField(14, SubscribeFlag.flag(of: request))
        writer.appendField(15, request.unsupported.type)
    }

    private static func append(_ request: HistoryRequest, into writer: inout ByteWriter) {
        writer.appendField(1, request.channel)
        writer.appendField(7, request.limit)
        if let since = request.since {
            writer.appendMessage(8) { position in
                position.appendField(1, since.offset)
                position.appendField(2, since.epoch)
            }
        }
        writer.appendField(9, request.reverse)
    }
}
