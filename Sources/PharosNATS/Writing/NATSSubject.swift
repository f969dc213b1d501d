/// The rules for subjects: tokens of any bytes, separated by dots.
///
/// No byte of a subject is a space or a control character, so that no line can be ended or lengthened by one.
package enum NATSSubject {
    /// Whether `subject` may be published to.
    ///
    /// It has no wildcards.
    package static func isPublishable(_ subject: String) -> Bool { isValid(subject, wildcards: false) }

    /// Whether `subject` may be subscribed to.
    ///
    /// It may have `*` and, at the end, `>` as whole tokens.
    package static func isSubscribable(_ subject: String) -> Bool { isValid(subject, wildcards: true) }

    /// Whether `text` can stand as one argument of a line.
    ///
    /// It is not empty and has no space and no control character.
    static func isArgument(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isVisible) }

    /// Whether `text` is one token without wildcards.
    static func isToken(_ text: String) -> Bool {
        isPublishable(text) && !text.utf8.contains(UInt8(ascii: "."))
    }

    private static func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte != 0x7F }

    private static func isValid(_ subject: String, wildcards: Bool) -> Bool {
        var tokenBytes = 0
        var hasWildcard = false
        var isClosed = false
        for byte in subject.utf8 {
            guard isVisible(byte), !isClosed else { return false }
            if byte == UInt8(ascii: ".") {
                guard tokenBytes > 0, !hasWildcard || tokenBytes == 1 else { return false }
                (tokenBytes, hasWildcard) = (0, false)
                continue
            }
            tokenBytes += 1
            guard byte == UInt8(ascii: "*") || byte == UInt8(ascii: ">") else { continue }
            guard wildcards else { return false }
            hasWildcard = true
            // Nothing may follow it.
            if byte == UInt8(ascii: ">") { isClosed = true }
        }
        return tokenBytes > 0 && (!hasWildcard || tokenBytes == 1)
    }
}
