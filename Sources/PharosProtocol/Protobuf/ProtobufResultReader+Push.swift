import PharosDomain

/// Reads pushes.
extension ProtobufResultReader {
    /// The push, or nil if it is of a kind that we do not know.
    func push() throws(MalformedFrame) -> Push? {
        var reader = message
        var channel: ChannelName = ""
        var event: Push.Event?
        while let field = try reader.nextField() {
            switch field.number {
            case 2: channel = try reader.string(field)
            case 4...12:
                guard event == nil else { throw ProtobufReader.malformed("two payloads in one push") }
                event = try Self.event(field, &reader)
            default: try reader.skip(field)
            }
        }
        return event.map { Push(channel: channel, event: $0) }
    }

    private static func event(
        _ field: ProtobufReader.Field, _ reader: inout ProtobufReader
    ) throws(MalformedFrame) -> Push.Event {
        if field.number == 4 {
            let (publication, epoch) = try reader.publication(field)
            return .publication(publication, epoch: epoch)
        }
        let payload = ProtobufResultReader(try reader.message(field))
        switch field.number {
        case 5: return .join(try payload.info())
        case 6: return .leave(try payload.info())
        case 7:
            let (code, reason) = try payload.codeAndReason(codeNumber: 2, reasonNumber: 3)
            return .unsubscribe(UnsubscribeReason(code: code, reason: reason))
        case 8: return .message(data: try payload.data())
        case 9: return .subscribe(try payload.serverSubscription())
        case 10: return .connect(try payload.connect())
        case 11:
            let (code, reason) = try payload.codeAndReason(codeNumber: 1, reasonNumber: 2)
            return .disconnect(Disconnect(code: code, reason: reason))
        default:
            let (expires, ttl) = try payload.expiry()
            return .refresh(expires: expires, ttl: ttl)
        }
    }

    private func info() throws(MalformedFrame) -> ClientInfo {
        var reader = message
        var info = ClientInfo(user: "", client: "")
        while let field = try reader.nextField() {
            switch field.number {
            case 1: info = try reader.clientInfo(field)
            default: try reader.skip(field)
            }
        }
        return info
    }

    private func codeAndReason(
        codeNumber: Int, reasonNumber: Int
    ) throws(MalformedFrame) -> (code: UInt32, reason: String) {
        var reader = message
        var code: UInt32 = 0
        var reason = ""
        while let field = try reader.nextField() {
            switch field.number {
            case codeNumber: code = try reader.uint32(field)
            case reasonNumber: reason = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return (code, reason)
    }

    private func serverSubscription() throws(MalformedFrame) -> ServerSubscription {
        var reader = message
        var subscription = ServerSubscription()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: subscription.recoverable = try reader.bool(field)
            case 4: subscription.epoch = try reader.string(field)
            case 5: subscription.offset = try reader.uint64(field)
            case 6: subscription.positioned = try reader.bool(field)
            case 7: subscription.data = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return subscription
    }
}
