/// Why a request to an origin came to nothing.
package enum OriginFailure: String, Error, CaseIterable, Sendable {
    /// No answer in time.
    case timeout
    /// No connection, or no trust in its certificate.
    case unreachable
    /// The connection ended before the answer was complete.
    case closed
    /// A status that is no answer to the question.
    case status
    /// An answer that cannot be read, or says things that make no sense.
    case nonsense
    case tooLarge = "too_large"
    /// Too much waits for this origin already.
    case overloaded
    /// The circuit breaker is open.
    case breaker
    /// The origin did not agree to get webhooks.
    case notPermitted = "not_permitted"
    case shutdown
    /// The origin's form has no such question.
    case unsupported

    /// Whether the origin could not be reached.
    ///
    /// Bad answers do not count: one client could provoke them for everybody.
    var isOfReaching: Bool { self == .timeout || self == .unreachable || self == .closed }

    var index: Int { OriginFailure.allCases.firstIndex(of: self)! }
}
