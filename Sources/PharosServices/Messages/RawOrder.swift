import PharosDomain
import PharosProtocol

/// One shard's part of a request.
struct RawOrder: Sendable {
    struct Target: Sendable {
        var id: RawConnectionID
        /// As it came.
        var text: ClientName
    }

    var messages: [(targets: [Target], message: RawMessage)] = []
    var closings: [(targets: [Target], code: UInt16, reason: String)] = []
    /// The connection whose state the answer is to hold.
    var subject: Target?
}

/// One shard's answer to a `RawOrder`.
struct RawOrderAnswer: Sendable {
    var report = RawReport()
    var info: RawConnectionInfo?
}
