import PharosDomain
import PharosRedis

/// The names of keys and of publish-and-subscribe channels.
///
/// Everything that belongs to a channel bears one hash tag, so that it is in one slot of a cluster. There are 128 tags,
/// the same for all time and for all topologies.
struct RedisNames: Sendable {
    static let tagCount = 128
    static let tags = ClusterTags.search(count: tagCount)
    private static let slots = tags.map { ClusterSlots.slot(of: "{\($0)}") }

    private let prefix: String
    private let messagePrefix: String

    init(prefix: String) {
        self.prefix = prefix
        messagePrefix = "\(prefix).c.{"
    }

    /// The number of a channel's tag.
    static func tag(of channel: ChannelName) -> Int {
        Int(FirstEpochs.hash(channel.utf8, 0x7068_6172_6f73) % UInt64(tagCount))
    }

    static func slot(ofTag tag: Int) -> Int { slots[tag] }

    /// The hash with what is known of a stream.
    ///
    /// `e` is the epoch, `o` the offset, `f` the fence, `v` and `w` the version and its epoch.
    func meta(_ channel: ChannelName) -> String { key("m", RedisNames.tag(of: channel), channel.text) }

    /// A stream whose ids are offset and time.
    func stream(_ channel: ChannelName) -> String { key("s", RedisNames.tag(of: channel), channel.text) }

    /// The answer to the first publication with a key.
    func answer(_ channel: ChannelName, _ key: IdempotencyKey) -> String {
        self.key("k", RedisNames.tag(of: channel), "\(channel.utf8.count).\(channel.text)\(key.text)")
    }

    /// The publish-and-subscribe channel of a channel.
    func messages(_ channel: ChannelName) -> String { key("c", RedisNames.tag(of: channel), channel.text) }

    /// The channel of such a name; nil if it is none.
    func channel(ofMessages name: [UInt8]) -> ChannelName? {
        let start = messagePrefix.utf8.count
        guard name.count > start, let end = name[start...].firstIndex(of: UInt8(ascii: "}")), end + 1 < name.count
        else { return nil }
        return ChannelName(validating: name[(end + 2)...])
    }

    /// Where the probes of one link go.
    func probe(tag: Int, mark: String) -> String { key("p", tag, mark) }

    /// Where messages to a node go; nil: those to all.
    func node(_ mark: UInt64?) -> String {
        "\(prefix).n." + (mark.map { String($0, radix: 16) } ?? "all")
    }

    private func key(_ kind: String, _ tag: Int, _ rest: String) -> String {
        "\(prefix).\(kind).{\(RedisNames.tags[tag])}.\(rest)"
    }
}
