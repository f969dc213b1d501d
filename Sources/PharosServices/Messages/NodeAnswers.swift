import PharosDomain

/// The answers of nodes to one command, and which of them did not answer in time.
struct NodeAnswers: Sendable {
    /// All that came, made one; nil if none did.
    var answer: ControlAnswer?
    var missing: [NodeName] = []
}
