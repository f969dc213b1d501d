import PharosDomain

/// Long messages between nodes, in parts that every broker carries.
///
/// What has come of a message is bounded and kept for a while only.
struct NodeFragments: Sendable {
    /// Bytes of one part.
    static let partSize = 200_000
    /// Bytes of unfinished messages that are kept.
    static let limit = 256 << 20
    private static let lifetimeMs: Int64 = 15_000

    private struct Key: Hashable, Sendable {
        var sender: UInt64
        var id: UInt64
    }

    private struct Message: Sendable {
        var parts: [[UInt8]?]
        var missing: Int
        var bytes: Int
        var beganMs: Int64
    }

    private var messages: [Key: Message] = [:]
    private var bytes = 0

    /// The bytes that are kept of unfinished messages.
    var keptBytes: Int { bytes }

    /// The frames that carry a message: itself, or its parts.
    static func split(_ message: [UInt8], sender: UInt64, id: UInt64) -> [[UInt8]] {
        guard message.count > partSize else { return [message] }
        let count = (message.count + partSize - 1) / partSize
        return (0..<count).map { index in
            let part = message[index * partSize..<min((index + 1) * partSize, message.count)]
            let fragment = NodeFragment(id: id, index: UInt64(index), count: UInt64(count), bytes: Array(part))
            return NodeFrame(sender: sender, content: .fragment(fragment)).encoded()
        }
    }

    /// Takes a part; the message once it is whole.
    mutating func add(_ fragment: NodeFragment, from sender: UInt64, nowMs: Int64) -> [UInt8]? {
        let key = Key(sender: sender, id: fragment.id)
        let most = UInt64(NodeFragments.limit / NodeFragments.partSize)
        guard fragment.count > 0, fragment.count <= most else { return nil }
        let places = messages[key] == nil ? Int(fragment.count) * MemoryLayout<[UInt8]?>.stride : 0
        guard fragment.index < fragment.count, bytes + places + fragment.bytes.count <= NodeFragments.limit
        else { return nil }
        // Places for parts count as well: empty parts of many messages would cost nothing else.
        bytes += places
        var message =
            messages.removeValue(forKey: key)
            ?? Message(
                parts: Array(repeating: nil, count: Int(fragment.count)), missing: Int(fragment.count), bytes: places,
                beganMs: nowMs)
        let index = Int(fragment.index)
        if message.parts.indices.contains(index), message.parts[index] == nil {
            message.parts[index] = fragment.bytes
            message.missing -= 1
            message.bytes += fragment.bytes.count
            bytes += fragment.bytes.count
        }
        guard message.missing == 0 else {
            messages[key] = message
            return nil
        }
        bytes -= message.bytes
        return message.parts.flatMap { $0 ?? [] }
    }

    /// Drops what will not become whole.
    mutating func expire(nowMs: Int64) {
        for (key, message) in messages where nowMs - message.beganMs > NodeFragments.lifetimeMs {
            bytes -= message.bytes
            messages[key] = nil
        }
    }
}
