extension NATSHeaders {
    private static let version: StaticString = "NATS/1.0"

    /// Reads the block of an HMSG.
    ///
    /// It is `NATS/1.0[ status[ text]]`, the lines of the fields, and an empty line. A block that is not of this form gives headers that say so (`isMalformed`).
    package init(block: UnsafeRawBufferPointer) {
        var reader = NATSHeaderReader(block)
        guard let first = reader.nextLine(), readStatus(first) else {
            self = .malformed
            return
        }
        let fields = reader.rest
        while true {
            let before = reader.rest.count
            switch reader.next() {
            case .field: continue
            case .end where reader.rest.isEmpty && before > 0:
                lines.append(contentsOf: fields[..<(fields.count - before)])
                return
            case .end, .malformed:
                self = .malformed
                return
            }
        }
    }

    private static var malformed: NATSHeaders {
        var headers = NATSHeaders()
        headers.isMalformed = true
        return headers
    }

    /// Reads the first line.
    ///
    /// - Returns: false if it is another version's, or the status no number of three digits.
    private mutating func readStatus(_ line: UnsafeRawBufferPointer) -> Bool {
        let version = UnsafeRawBufferPointer(
            start: NATSHeaders.version.utf8Start, count: NATSHeaders.version.utf8CodeUnitCount)
        guard line.starts(with: version) else { return false }
        let behind = UnsafeRawBufferPointer(rebasing: line[version.count...])
        guard let separator = behind.first else { return true }
        guard NATSFields.isSpace(separator) else { return false }
        var fields = NATSFields(behind)
        guard let code = fields.next() else { return true }
        guard code.count == 3, let number = NATSFields.decimal(code) else { return false }
        status = Int(number)
        statusText = String(decoding: fields.remainder(), as: UTF8.self)
        return true
    }
}
