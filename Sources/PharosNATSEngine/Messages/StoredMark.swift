import PharosBytes
import PharosDomain
import PharosNATS

/// The header `Ph` of a stored message of a channel.
///
/// Each message has the channel's whole memory in it: where its stream stands after it, and the last version. So the last
/// message of a subject is all that a writer has to know.
struct StoredMark: Equatable, Sendable {
    enum Kind: String, Sendable {
        /// Publications of the history, the last one at `position`.
        case publication = "P"
        /// Publications that are not in the history, stored for their versions or keys.
        case signal = "S"
        /// It stands for a history that was removed.
        case marker = "M"
    }

    static let header = "Ph"
    private static let form: Substring = "1"

    var kind: Kind
    /// The position of the channel's stream after this message.
    var position: StreamPosition
    /// Publications in the message.
    var count = 1
    /// The commit that wrote it, by which its writer knows it again.
    var commit: String
    var version: StreamVersion?

    /// The value of the header.
    ///
    /// `1 <kind> <offset> <count> <epoch> <commit>[ <version> .<epoch of the version in base64>]`
    var text: String {
        var text = "1 \(kind.rawValue) \(position.offset) \(count) \(position.epoch) \(commit)"
        if let version { text += " \(version.number) .\(Base64.encode(Array(version.epoch.utf8), .url))" }
        return text
    }

    init(
        kind: Kind, position: StreamPosition, count: Int = 1, commit: String, version: StreamVersion? = nil
    ) {
        self.kind = kind
        self.position = position
        self.count = count
        self.commit = commit
        self.version = version
    }

    /// nil for a text that is none, or of a later form.
    init?(_ text: String) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count >= 6, fields[0] == StoredMark.form, let kind = Kind(rawValue: String(fields[1])),
            let offset = UInt64(fields[2]), let count = Int(fields[3]), count >= 0,
            kind != .publication || (count > 0 && UInt64(count) <= offset)
        else { return nil }
        self.kind = kind
        position = StreamPosition(offset: offset, epoch: Epoch(fields[4]))
        self.count = count
        commit = String(fields[5])
        if fields.count >= 8, let number = UInt64(fields[6]),
            let epoch = Base64.decode(fields[7].dropFirst().utf8, .url)
        {
            version = StreamVersion(number: number, epoch: Epoch(decoding: epoch))
        }
    }

    /// The offset of the message's first publication.
    ///
    /// That of the stream where the message has none.
    var firstOffset: UInt64 { kind == .publication ? position.offset - UInt64(count) + 1 : position.offset }

    init?(_ headers: NATSHeaders) {
        guard let text = headers[StoredMark.header] else { return nil }
        self.init(text)
    }
}
