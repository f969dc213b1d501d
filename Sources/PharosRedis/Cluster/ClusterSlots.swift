/// The slots that Redis Cluster distributes keys by.
///
/// By the cluster specification, "Key distribution model" and "Hash tags".
package enum ClusterSlots {
    /// 16,384.
    package static let count = 16_384

    /// The slot of a key or of a sharded channel.
    package static func slot(of key: [UInt8]) -> Int { Int(CRC16.checksum(hashed(key))) % count }

    /// The slot of the UTF-8 bytes of a key.
    package static func slot(of key: String) -> Int { slot(of: Array(key.utf8)) }

    /// The part of a key that is hashed: its hash tag, or all of it.
    ///
    /// The tag stands between the first `{` and the first `}` after it; an empty one does not count.
    static func hashed(_ key: [UInt8]) -> ArraySlice<UInt8> {
        guard let opening = key.firstIndex(of: UInt8(ascii: "{")) else { return key[...] }
        let rest = key[(opening + 1)...]
        guard let closing = rest.firstIndex(of: UInt8(ascii: "}")), closing > rest.startIndex else { return key[...] }
        return rest[..<closing]
    }
}
