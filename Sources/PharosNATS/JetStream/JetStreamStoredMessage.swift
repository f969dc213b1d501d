import PharosBytes
import PharosProtocol

/// A message as the leader of its stream has it: the answer to STREAM.MSG.GET.
package struct JetStreamStoredMessage: Equatable, Sendable {
    package var subject = ""
    package var sequence: UInt64 = 0
    package var headers = NATSHeaders()
    package var payload: [UInt8] = []
    /// When it was stored (RFC 3339, nanoseconds).
    package var time = ""

    package init() {}

    /// Reads the payload of an answer.
    ///
    /// - Returns: the message, or the error, `JetStreamError.messageNotFound` among them.
    /// - Throws: `JetStreamMalformed` for anything else.
    package static func read(
        _ payload: [UInt8]
    ) throws(JetStreamMalformed) -> Result<JetStreamStoredMessage, JetStreamError> {
        var message: JetStreamStoredMessage?
        var failure: JetStreamError?
        try JetStreamJSON.read(payload) { (field, scanner) throws(MalformedFrame) in
            switch field {
            case "error": failure = try JetStreamError(from: &scanner)
            case "message": message = try JetStreamStoredMessage(from: &scanner)
            default: try scanner.skipValue()
            }
        }
        if let failure { return .failure(failure) }
        guard let message, message.sequence > 0 else { throw JetStreamMalformed(reason: "message missing") }
        return .success(message)
    }

    private init(from scanner: inout JSONScanner) throws(MalformedFrame) {
        try scanner.beginObject()
        while let field = try scanner.nextMember() {
            if scanner.skipNull() { continue }
            switch field {
            case "subject": subject = try scanner.text().string
            case "seq": sequence = try scanner.integer()
            case "hdrs":
                let block = try JetStreamStoredMessage.bytes(from: &scanner)
                headers = block.withUnsafeBytes { NATSHeaders(block: $0) }
            case "data": payload = try JetStreamStoredMessage.bytes(from: &scanner)
            case "time": time = try scanner.text().string
            default: try scanner.skipValue()
            }
        }
    }

    private static func bytes(from scanner: inout JSONScanner) throws(MalformedFrame) -> [UInt8] {
        guard let bytes = Base64.decode(try scanner.text().string.utf8) else {
            throw MalformedFrame(reason: "base64 expected")
        }
        return bytes
    }
}
