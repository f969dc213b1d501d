import PharosCluster
import PharosDomain

/// A message on a live subject that is not stored.
///
/// A byte that names its kind, then its envelope.
enum LiveMessage {
    case publication(PublicationEnvelope)
    case member(MemberChange)

    var encoded: [UInt8] {
        switch self {
        case .publication(let envelope): [1] + envelope.encoded()
        case .member(let change): [2] + MemberEnvelope(change).encoded()
        }
    }

    /// nil for bytes that are none, or of a later kind.
    init?(_ bytes: [UInt8]) {
        guard let kind = bytes.first else { return nil }
        let body = Array(bytes.dropFirst())
        switch kind {
        case 1:
            guard var envelope = try? PublicationEnvelope(body) else { return nil }
            envelope.publication.offset = 0
            self = .publication(envelope)
        case 2:
            guard let member = body.withUnsafeBytes({ try? MemberEnvelope($0) }) else { return nil }
            self = .member(member.change)
        default: return nil
        }
    }
}
