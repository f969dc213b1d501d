import PharosDomain

/// Why a token was not accepted.
///
/// It goes from a single check to the `TokenOutcome`.
enum TokenRefusal: Error, Equatable {
    case invalid(TokenFault)
    case tooLong(length: Int, limit: Int)
    case expired
    case needsKeys
    /// A key set has never been fetched, and the last try was a moment ago.
    case unavailable

    static func invalid(_ kind: TokenFault.Kind, _ text: String) -> TokenRefusal { .invalid(TokenFault(kind, text)) }
}

extension TokenOutcome {
    /// Runs the checks and turns a refusal into the outcome that says the same.
    init(checking check: () throws(TokenRefusal) -> Claims) {
        do {
            self = .valid(try check())
        } catch {
            switch error {
            case .invalid(let fault): self = .invalid(fault)
            case .tooLong(let length, let limit): self = .tooLong(length: length, limit: limit)
            case .expired: self = .expired
            case .needsKeys: self = .needsKeys
            case .unavailable: self = .unavailable
            }
        }
    }
}
