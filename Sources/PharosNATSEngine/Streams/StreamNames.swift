import PharosBytes
import PharosDomain

/// The names of streams and subjects.
///
/// A stream has `<prefix>.h.<class>.<part>.>`. In there `c.<channel>` has the messages of a channel, `k.<channel>.<key>`
/// the first answer to an idempotency key, and `salt` what the first epochs of its channels are made from. What is
/// stored under `c` is republished on `<prefix>.l.<channel>`, where live messages go that are not stored. Channels and
/// keys are base64 of the URL alphabet.
struct StreamNames: Sendable {
    let prefix: String

    private func base(_ id: StreamID) -> String { "\(prefix).h.\(id.retention.name).\(id.part)" }

    func stream(_ id: StreamID) -> String {
        let capitals = prefix.utf8.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 == 0x2E ? 0x5F : $0 }
        return "\(String(decoding: capitals, as: UTF8.self))_\(id.retention.name)_\(id.part)"
    }

    /// The subjects of all streams.
    var everything: String { prefix + ".h.>" }
    func all(_ id: StreamID) -> String { base(id) + ".>" }
    func salt(_ id: StreamID) -> String { base(id) + ".salt" }
    func channels(_ id: StreamID) -> String { base(id) + ".c.*" }
    func channel(_ channel: ChannelName, _ id: StreamID) -> String { base(id) + ".c." + token(channel.utf8) }

    func key(_ key: IdempotencyKey, of channel: ChannelName, _ id: StreamID) -> String {
        "\(base(id)).k.\(token(channel.utf8)).\(token(key.utf8))"
    }

    /// Where the server republishes to.
    var liveTemplate: String { prefix + ".l.{{wildcard(1)}}" }
    func live(_ channel: ChannelName) -> String { prefix + ".l." + token(channel.utf8) }

    /// The empty name has a token, too, which is that of no other.
    private func token(_ bytes: String.UTF8View) -> String { bytes.isEmpty ? "=" : Base64.encode(Array(bytes), .url) }
}
