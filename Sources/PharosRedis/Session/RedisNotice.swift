/// A reply or push of publish and subscribe.
///
/// By "Redis Pub/Sub", "Format of pushed messages". The elements are the same in RESP2, an array, and in RESP3, a push.
enum RedisNotice {
    case message(RedisEvent)
    case change(kind: RedisSubscriptionKind, isSubscribed: Bool, channel: [UInt8], count: Int64)

    /// Nil for elements of another form.
    init?(_ elements: [RESPValue]) {
        guard case .bulkString(let name)? = elements.first else { return nil }
        switch name.count {
        case 7 where name.elementsEqual("message".utf8):
            guard let (channel, payload) = RedisNotice.message(elements) else { return nil }
            self = .message(.message(channel: channel, payload: payload))
        case 8 where name.elementsEqual("smessage".utf8):
            guard let (channel, payload) = RedisNotice.message(elements) else { return nil }
            self = .message(.shardMessage(channel: channel, payload: payload))
        case 8 where name.elementsEqual("pmessage".utf8):
            guard elements.count == 4, case .bulkString(let pattern) = elements[1],
                case .bulkString(let channel) = elements[2], case .bulkString(let payload) = elements[3]
            else { return nil }
            self = .message(.patternMessage(pattern: pattern, channel: channel, payload: payload))
        default:
            guard elements.count == 3, let (kind, isSubscribed) = RedisNotice.change(name),
                case .bulkString(let channel) = elements[1], case .integer(let count) = elements[2]
            else { return nil }
            self = .change(kind: kind, isSubscribed: isSubscribed, channel: channel, count: count)
        }
    }

    private static func message(_ elements: [RESPValue]) -> ([UInt8], [UInt8])? {
        guard elements.count == 3, case .bulkString(let channel) = elements[1],
            case .bulkString(let payload) = elements[2]
        else { return nil }
        return (channel, payload)
    }

    private static func change(_ name: [UInt8]) -> (RedisSubscriptionKind, isSubscribed: Bool)? {
        switch String(decoding: name, as: UTF8.self) {
        case "subscribe": (.channel, true)
        case "psubscribe": (.pattern, true)
        case "ssubscribe": (.shard, true)
        case "unsubscribe": (.channel, false)
        case "punsubscribe": (.pattern, false)
        case "sunsubscribe": (.shard, false)
        default: nil
        }
    }
}
