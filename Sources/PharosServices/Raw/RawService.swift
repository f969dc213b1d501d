import PharosDomain

/// The raw connections of one shard: WebSockets and event streams without a protocol of ours, each with its origin.
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
