/// Why JetStream refused a request: the `error` member of its answer.
package struct JetStreamError: Error, Equatable, Sendable {
    /// By the kind of HTTP's codes: 400, 404, 503.
    package var code = 0
    /// The exact reason, one number for each.
    package var reason = 0
    package var text = ""

    package init(code: Int = 0, reason: Int = 0, text: String = "") {
        self.code = code
        self.reason = reason
        self.text = text
    }

    /// The stream does not exist.
    package static let streamNotFound = 10_059
    /// No message under that sequence or subject.
    package static let messageNotFound = 10_037
    /// The subject's last sequence is not the expected one.
    package static let wrongLastSequence = 10_071
    /// Another guarded write to the same subject is on its way in a replicated stream.
    package static let writeInFlight = 10_164

    /// The subject's last sequence, as the error of a wrong expectation names it.
    ///
    /// It stands at the end of the text of `wrongLastSequence`; nil for any other error or text.
    package var lastSequence: UInt64? {
        guard reason == JetStreamError.wrongLastSequence else { return nil }
        return text.split(separator: " ").last.flatMap { UInt64($0) }
    }
}

/// An answer of JetStream that is not of its form.
package struct JetStreamMalformed: Error, Equatable, Sendable {
    package var reason: String
}
