import PharosBytes
import PharosDomain

/// The content of a token, for people.
///
/// Reading is not believing: only `verdict` says whether it counts.
package struct TokenInspection: Equatable, Sendable {
    package enum Verdict: Equatable, Sendable {
        case valid
        case expired
        case invalid(String)
        /// There was no key to check it with; key sets are not fetched for this.
        case unchecked
    }

    /// JSON, safe to print: nothing in it can command a terminal.
    package var header: String
    package var claims: String
    package var isForSubscription: Bool
    /// `exp`, seconds since 1970; nil when the token does not say.
    package var expiry: Int64?
    package var verdict: Verdict

    /// Takes a token apart, and checks it when there is a key.
    ///
    /// - Returns: nil for a text that is no token at all.
    package init?(token: String, configuration: TokensConfiguration, nowMs: Int64) throws(TokenConfigurationError) {
        let parts = token.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3,
            let headerText = Base64.decode(parts[0], .url), (try? JSONReader.object(headerText)) != nil,
            let claimsText = Base64.decode(parts[1], .url), let claims = try? JSONReader.object(claimsText)
        else { return nil }
        header = Self.printable(headerText)
        self.claims = Self.printable(claimsText)
        isForSubscription = claims["channel"] != nil
        expiry = claims["exp"]?.seconds
        let own = (isForSubscription ? configuration.subscription : nil) ?? configuration.connection
        guard token.utf8.count <= own.maxLength else {
            verdict = Verdict(TokenOutcome<ConnectionClaims>.tooLong(length: token.utf8.count, limit: own.maxLength))
            return
        }
        guard !own.hasNoKeys else {
            verdict = .unchecked
            return
        }
        let verifier = try JWTVerifier(configuration, fetch: { _ in [] })
        verdict =
            isForSubscription
            ? Verdict(verifier.verifySubscription(token: token, nowMs: nowMs))
            : Verdict(verifier.verifyConnection(token: token, nowMs: nowMs))
    }

    /// False when the check said no.
    package var isAcceptable: Bool { verdict == .valid || verdict == .unchecked }

    /// The text for the terminal, several lines.
    ///
    /// - Parameter nowMs: milliseconds since 1970.
    package func report(nowMs: Int64) -> String {
        var lines = [
            "header   \(header)", "claims   \(claims)",
            "kind     \(isForSubscription ? "subscription token" : "connection token")",
        ]
        if let expiry {
            let left = expiry.subtractingReportingOverflow(nowMs / 1_000)
            let distance = left.overflow ? "" : left.partialValue > 0 ? ", in \(left.partialValue) s" : ", in the past"
            lines.append("expires  \(expiry)\(distance)")
        } else {
            lines.append("expires  never")
        }
        lines.append("verdict  \(verdict.text)")
        return lines.joined(separator: "\n")
    }

    /// JSON on one line, with everything invisible written as an escape.
    private static func printable(_ json: [UInt8]) -> String {
        var text = ""
        for scalar in String(decoding: JSONReader.compacted(json[...]), as: UTF8.self).unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default:
                text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension TokenInspection.Verdict {
    fileprivate init<Claims>(_ outcome: TokenOutcome<Claims>) {
        switch outcome {
        case .valid: self = .valid
        case .expired: self = .expired
        case .invalid, .tooLong: self = .invalid(outcome.refusal ?? "")
        case .needsKeys, .unavailable: self = .unchecked
        }
    }

    package var text: String {
        switch self {
        case .valid: "valid"
        case .expired: "expired (well signed)"
        case .invalid(let reason): "invalid: \(reason)"
        case .unchecked: "not checked: no key at hand"
        }
    }
}
