/// Why a token was not accepted.
package struct TokenFault: Error, Equatable, Sendable {
    /// For the counter.
    package enum Kind: String, CaseIterable, Sendable {
        /// Not a token at all, or none of ours: parts, header, payload, algorithm.
        case malformed
        case tooLong = "too_long"
        case signature
        /// None of the keys that there are could have signed it.
        case noKey = "no_key"
        case issuer, audience
        /// Claims that are missing or make no sense.
        case claims
        case notYet = "not_yet"
        case expired
        /// Good, but another user's, channel's or client's.
        case mismatch
        /// Good, but anonymous ones are not wanted.
        case anonymous
        /// The key set that would tell could not be fetched.
        case keysUnavailable = "keys_unavailable"
        case other
    }

    package var kind: Kind
    /// For the log. Holds no part of the token.
    package var text: String

    package init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }
}
