import PharosBytes
import PharosDomain

/// A payload that arrives as JSON in one field or as base64 in another.
///
/// Given both, base64 counts.
struct APIPayload {
    private(set) var bytes: [UInt8] = []
    private var isBase64 = false

    var isJSON: Bool {
        guard isBase64 else { return !bytes.isEmpty }
        return bytes.withUnsafeBytes { JSONScanner.isValid($0) }
    }

    /// Any JSON value, `null` included.
    mutating func readJSON(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        let raw = try scanner.skipValue()
        if !isBase64 { bytes = Array(raw) }
    }

    /// A JSON value, where `null` means that there is none.
    mutating func readOptionalJSON(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        if !scanner.skipNull() { try readJSON(&scanner) }
    }

    mutating func readBase64(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        guard !scanner.skipNull() else { return }
        let text = try scanner.text()
        guard !text.isEmpty else { return }
        guard let decoded = Base64.decode(text) else { throw MalformedFrame(reason: "not base64") }
        bytes = decoded
        isBase64 = true
    }
}
