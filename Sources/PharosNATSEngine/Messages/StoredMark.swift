import PharosBytes
import PharosDomain
import PharosNATS

/// The header `Ph` of a stored message of a channel.
///
/// Each message has the channel's whole memory in it: where its stream stands after it, and the last version. So the last
/// message of a subject is all that a writer has to know.
struct StoredMark: Equatable, Sendable {
    enum Kind: String, Sendable {
        /// It is in the history, at `position`.
        case publication = "P"
        /// It was delivered and is not in the history; stored for its version or key.
        case signal = "S"
        /// It stands for a history that was removed.
        case marker = "M"
    }

    static let header = "Ph"
    private static let form: Substring = "1"

    var kind: Kind
    /// The position of the channel's stream after this message.
    var position: StreamPosition
    /// The commit that wrote it, by which its writer knows it again.
    var commit: String
    var version: StreamVersion?

    /// The value of the header.
    ///
    /// `1 <kind> <offset> <epoch> <commit>[ <version> .<epoch of the version in base64>]`
    var text: String {
        var text = "1 \(kind.rawValue) \(position.offset) \(position.epoch) \(commit)"
        if let version { text += " \(version.number) .\(Base64.encode(Array(version.epoch.utf8), .url))" }
        return text
    }

    init(kind: Kind, position: StreamPosition, commit: String, version: StreamVersion? = nil) {
        self.kind = kind
        self.position = position
        self.commit = commit
        self.version = version
    }

    /// nil for a text that is none, or of a later form.
    init?(_ text: String) {
        let fields = text.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count >= 5, fields[0] == StoredMark.form, let kind = Kind(rawValue: String(fields[1])),
            let offset = UInt64(fields[2])
        else { return nil }
        self.kind = kind
        position = StreamPosition(offset: offset, epoch: Epoch(fields[3]))
        commit = String(fields[4])
        if fields.count >= 7, let number = UInt64(fields[5]),
            let epoch = Base64.decode(fields[6].dropFirst().utf8, .url)
        {
            version = StreamVersion(number: number, epoch: Epoch(decoding: epoch))
        }
    }

    init?(_ headers: NATSHeaders) {
        guard let text = headers[StoredMark.header] else { return nil }
        self.init(text)
    }
}
