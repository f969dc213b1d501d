import PharosProtocol

extension JetStreamError {
    /// Reads the object of an `error` member.
    init(from scanner: inout JSONScanner) throws(MalformedFrame) {
        try scanner.beginObject()
        while let field = try scanner.nextMember() {
            switch field {
            case "code": code = try scanner.integer()
            case "err_code": reason = try scanner.integer()
            case "description": text = try scanner.text().string
            default: try scanner.skipValue()
            }
        }
    }

    /// The error that an answer of any request names; nil if it names none.
    ///
    /// - Throws: `JetStreamMalformed` for bytes that are no JSON object.
    package static func find(in answer: [UInt8]) throws(JetStreamMalformed) -> JetStreamError? {
        var error: JetStreamError?
        try JetStreamJSON.read(answer) { (field, scanner) throws(MalformedFrame) in
            switch field {
            case "error": error = try JetStreamError(from: &scanner)
            default: try scanner.skipValue()
            }
        }
        return error
    }
}

/// Reads the answers of JetStream, each of which is one JSON object.
enum JetStreamJSON {
    /// Gives each member that is not null to `body`, which reads its value.
    static func read(
        _ json: [UInt8], _ body: (JSONText, inout JSONScanner) throws(MalformedFrame) -> Void
    ) throws(JetStreamMalformed) {
        do throws(MalformedFrame) {
            try json.span.withUnsafeBytes { (bytes) throws(MalformedFrame) in
                var scanner = JSONScanner(bytes)
                try scanner.beginObject()
                while let field = try scanner.nextMember() {
                    if scanner.skipNull() { continue }
                    try body(field, &scanner)
                }
                try scanner.finish()
            }
        } catch {
            throw JetStreamMalformed(reason: error.reason)
        }
    }
}
