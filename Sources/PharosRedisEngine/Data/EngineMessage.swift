import PharosDomain

/// A message of a channel as it is published: a line of ASCII, then the envelope.
///
/// The line is the kind, the offset, the epoch and the token of who sent it, separated by spaces. Kinds that are not
/// known are skipped, and so are words after these, so that two versions of the server understand each other.
struct EngineMessage: Equatable {
    enum Kind: UInt8 {
        case publication = 0x70
        case member = 0x6d
    }

    var kind: Kind
    var position: StreamPosition
    /// Unique among all messages of all nodes; empty where it does not matter.
    var token: OwnToken?
    var envelope: ArraySlice<UInt8>

    /// Nil for bytes that are none, or of another version.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")), end > 0, let kind = Kind(rawValue: bytes[0]) else {
            return nil
        }
        let words = bytes[1..<end].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count >= 3, let offset = UInt64(String(decoding: words[0], as: UTF8.self)),
            let epoch = Epoch(validating: words[1])
        else { return nil }
        self.kind = kind
        position = StreamPosition(offset: offset, epoch: epoch)
        token = OwnToken(words[2])
        envelope = bytes[(end + 1)...]
    }

    /// The message of something that is in no stream.
    static func bytes(_ kind: Kind, token: OwnToken?, envelope: [UInt8]) -> [UInt8] {
        [kind.rawValue] + Array("0  \(token?.text ?? "")\n".utf8) + envelope
    }
}

/// The mark of a message by which its sender knows it again.
struct OwnToken: Hashable, Sendable {
    /// Random, of one backend.
    var sender: UInt64
    var number: UInt64

    init(sender: UInt64, number: UInt64) {
        self.sender = sender
        self.number = number
    }

    var text: String { String(sender, radix: 16) + "." + String(number, radix: 16) }

    init?(_ text: ArraySlice<UInt8>) {
        let parts = String(decoding: text, as: UTF8.self).split(separator: ".")
        guard parts.count == 2, let sender = UInt64(parts[0], radix: 16), let number = UInt64(parts[1], radix: 16)
        else { return nil }
        self.init(sender: sender, number: number)
    }
}
