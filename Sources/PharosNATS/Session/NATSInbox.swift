/// The subjects on which the answers to a session's requests come.
///
/// They are `_INBOX.<token>.<ticket>`.
package struct NATSInbox: Equatable, Sendable {
    private let prefix: String

    /// - Throws: `invalidSubject` if `token` is no token of a subject.
    init(token: String) throws(NATSOrderError) {
        guard NATSSubject.isToken(token) else { throw .invalidSubject }
        prefix = "_INBOX.\(token)."
    }

    var wildcard: String { prefix + "*" }

    func subject(of ticket: UInt64) -> String { prefix + String(ticket) }

    /// The ticket at the end of a subject; nil if it is no subject of this inbox.
    func ticket(of subject: String) -> UInt64? {
        guard subject.utf8.starts(with: prefix.utf8) else { return nil }
        var digits = subject.suffix(from: subject.utf8.index(subject.startIndex, offsetBy: prefix.utf8.count))
        return digits.withUTF8 { NATSFields.decimal(UnsafeRawBufferPointer($0)) }
    }

    /// A token of 22 letters and digits.
    ///
    /// Others cannot guess it if `random` cannot be guessed.
    package static func token(using random: inout some RandomNumberGenerator) -> String {
        let letters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
        return String((0..<22).map { _ in letters.randomElement(using: &random) ?? "0" })
    }
}
