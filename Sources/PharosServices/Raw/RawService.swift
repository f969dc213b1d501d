import PharosDomain

/// The raw connections of one shard, each with its origin.
///
/// They are WebSockets and event streams without a protocol of ours.
struct RawService: ~Copyable {
    var raw: RawConnections

    init(_ settings: ServerSettings) { raw = RawConnections(settings) }

    /// The raw connection that has been let in, if the upgrade that follows is its.
    mutating func takeAdmission() -> RawConnections.Admission? {
        guard let admission = raw.admission else { return nil }
        raw.admission = nil
        return admission
    }
}
