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
    /// What is to be told of.
    var subject: Target?
}

struct RawOrderAnswer: Sendable {
    var report = RawReport()
    var info: RawConnectionInfo?
}
