import PharosDomain

/// Reads the messages of a server.
///
/// It is for the command line, the load generator and the tests.
package enum ProtobufReplyDecoder {
    /// The messages of one frame, in order.
    ///
    /// A push of a kind that we do not know is left out, as a client should do.
    package static func decode(_ frame: UnsafeRawBufferPointer) throws(MalformedFrame) -> [ServerMessage] {
        var messages: [ServerMessage] = []
        var reader = ProtobufReader(frame)
        repeat {
            let message = ProtobufReader(try reader.delimited())
            if message.isAtEnd {
                messages.append(.ping)
            } else if let decoded = try decode(message) {
                messages.append(decoded)
            }
        } while !reader.isAtEnd
        return messages
    }

    private static func decode(_ message: ProtobufReader) throws(MalformedFrame) -> ServerMessage? {
        var reader = message
        var id: UInt32 = 0
        var result: Reply.Result?
        var push: ProtobufReader?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: id = try reader.uint32(field)
            case 2, 5...15:
                guard result == nil, push == nil else { throw ProtobufReader.malformed("two payloads in one reply") }
                result = try Self.result(field, ProtobufResultReader(try reader.message(field)))
            case 4:
                guard result == nil, push == nil else { throw ProtobufReader.malformed("two payloads in one reply") }
                push = try reader.message(field)
            default: try reader.skip(field)
            }
        }
        if let push { return try ProtobufResultReader(push).push().map { .push($0) } }
        guard let result else { throw ProtobufReader.malformed("reply without a result") }
        return .reply(Reply(id: id, result: result))
    }

    private static func result(
        _ field: ProtobufReader.Field, _ payload: ProtobufResultReader
    ) throws(MalformedFrame) -> Reply.Result {
        switch field.number {
        case 2: .error(try payload.error())
        case 5: .connect(try payload.connect())
        case 6: .subscribe(try payload.subscribe())
        case 7: try payload.empty(.unsubscribe)
        case 8: try payload.empty(.publish)
        case 9: .presence(try payload.presence())
        case 10: try payload.presenceStats()
        case 11: try payload.history()
        case 12: try payload.empty(.ping)
        case 13: .rpc(data: try payload.data())
        case 14: .refresh(try payload.refresh())
        default: try payload.subRefresh()
        }
    }
}
