extension RequestHead {
    /// Reads the request head at the start of `bytes`.
    ///
    /// The bytes behind it are not looked at.
    ///
    /// A head that is wrong is refused as soon as that can be seen, one that is longer than `limit` bytes with 431.
    package static func parse(_ bytes: UnsafeRawBufferPointer, limit: Int) -> ParseResult {
        switch comparePreface(bytes) {
        case .same: return .http2Preface
        case .soFar where bytes.count < limit: return .incomplete
        default: break
        }
        guard let base = bytes.baseAddress, bytes.count > 0 else { return .incomplete }
        var parser = HeadParser(
            bytes: UnsafeRawBufferPointer(start: base, count: min(bytes.count, limit)), head: RequestHead(base: base))
        do throws(HeadObstacle) {
            try parser.requestLine()
            try parser.fields()
            try parser.conclude()
            return .complete(parser.head)
        } catch {
            return switch error {
            case .missingBytes where bytes.count < limit: .incomplete
            // It is the request line that does not end (RFC 9112, section 3).
            case .missingBytes: .refused(status: parser.head.fieldsStart == 0 ? 414 : 431)
            case .refused(let status): .refused(status: status)
            }
        }
    }

    private enum PrefaceComparison { case different, soFar, same }

    private static func comparePreface(_ bytes: UnsafeRawBufferPointer) -> PrefaceComparison {
        let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        let expected = UnsafeRawBufferPointer(start: preface.utf8Start, count: preface.utf8CodeUnitCount)
        guard let first = bytes.first, first == UInt8(ascii: "P") else { return .different }
        let common = min(bytes.count, expected.count)
        guard bytes[..<common].elementsEqual(expected[..<common]) else { return .different }
        return common == expected.count ? .same : .soFar
    }
}

private enum HeadObstacle: Error {
    /// Correct so far, but the bytes end here.
    case missingBytes
    case refused(status: Int)

    static var badRequest: HeadObstacle { .refused(status: 400) }
}

/// One pass over the bytes of a head.
///
/// It stops at the first byte that may not stand where it stands.
private struct HeadParser {
    let bytes: UnsafeRawBufferPointer
    var head: RequestHead
    var position = 0
    var hostCount = 0
    var closes = false
    var asksKeepAlive = false
    var expects = false
    var expectsOther = false

    /// `method SP request-target SP HTTP-version CRLF` (RFC 9112, section 3).
    mutating func requestLine() throws(HeadObstacle) {
        // Old clients send an empty line after a body; one is passed over (section 2.2).
        if try peek() == 0x0D { try lineEnd() }
        head.methodRange = run(FieldText.isToken)
        try expect(UInt8(ascii: " "))
        guard !head.methodRange.isEmpty else { throw .badRequest }
        head.targetRange = run(FieldText.isTarget)
        guard head.targetRange.count <= RequestHead.targetLimit else { throw .refused(status: 414) }
        try expect(UInt8(ascii: " "))
        try splitTarget()
        try version()
        try lineEnd()
        head.fieldsStart = position
    }

    private mutating func version() throws(HeadObstacle) {
        for letter in "HTTP/".utf8 { try expect(letter) }
        let major = try digit()
        try expect(UInt8(ascii: "."))
        let minor = try digit()
        guard major == 1 else { throw .refused(status: 505) }
        head.minorVersion = min(minor, 1)
    }

    /// The four forms of a target (section 3.2).
    private mutating func splitTarget() throws(HeadObstacle) {
        let target = head.target
        let start = head.targetRange.lowerBound
        var pathStart = 0
        switch target.first {
        case nil:
            throw .badRequest
        case UInt8(ascii: "/"):
            break
        case UInt8(ascii: "*") where target.count == 1:
            guard FieldText.isSame(head.method, "OPTIONS") else { throw .badRequest }
        default:
            guard !FieldText.isSame(head.method, "CONNECT") else {
                head.pathRange = start..<start + target.count
                return
            }
            guard let authority = authorityStart(target) else { throw .badRequest }
            pathStart = authority
            while pathStart < target.count, target[pathStart] != UInt8(ascii: "/"),
                target[pathStart] != UInt8(ascii: "?")
            {
                pathStart += 1
            }
            // User information has no place here (RFC 9110, section 4.2.4).
            let name = UnsafeRawBufferPointer(rebasing: target[authority..<pathStart])
            guard !name.isEmpty, name.allSatisfy(FieldText.isHost) else { throw .badRequest }
            head.authorityRange = start + authority..<start + pathStart
        }
        let rest = target[pathStart...]
        let pathEnd = rest.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        head.pathRange = start + pathStart..<start + pathEnd
        let queryStart = min(pathEnd + 1, target.count)
        head.queryRange = start + queryStart..<start + target.count
    }

    /// Where the authority of an absolute target begins.
    private func authorityStart(_ target: UnsafeRawBufferPointer) -> Int? {
        for (scheme, length) in [("http://" as StaticString, 7), ("https://", 8)] where target.count >= length {
            let start = UnsafeRawBufferPointer(rebasing: target[..<length])
            if FieldText.equals(start, lowercase: scheme) { return length }
        }
        return nil
    }

    /// All field lines and the empty line after them (section 5).
    mutating func fields() throws(HeadObstacle) {
        while try peek() != 0x0D {
            // A line that begins with white space is an obsolete folding; the name is empty then.
            let name = run(FieldText.isToken)
            try expect(UInt8(ascii: ":"))
            guard !name.isEmpty else { throw .badRequest }
            head.nameLengths |= 1 << UInt64(min(name.count, 63))
            let value = run(FieldText.isValue)
            try lineEnd()
            try note(head.slice(name), FieldText.trimmed(head.slice(value)))
        }
        try lineEnd()
        head.length = position
    }

    private mutating func note(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) throws(HeadObstacle) {
        switch name.count {
        case 4 where FieldText.equals(name, lowercase: "host"):
            hostCount += 1
            guard value.allSatisfy(FieldText.isHost) else { throw .badRequest }
        case 6 where FieldText.equals(name, lowercase: "expect"):
            if FieldText.equals(value, lowercase: "100-continue") { expects = true } else { expectsOther = true }
        case 10 where FieldText.equals(name, lowercase: "connection"):
            if FieldText.list(value, has: "close") { closes = true }
            if FieldText.list(value, has: "keep-alive") { asksKeepAlive = true }
        case 14 where FieldText.equals(name, lowercase: "content-length"):
            try contentLength(value)
        case 17 where FieldText.equals(name, lowercase: "transfer-encoding"):
            try transferEncoding(value)
        default:
            break
        }
    }

    /// Digits only, once: also two equal lengths are refused (section 6.3 allows it).
    private mutating func contentLength(_ value: UnsafeRawBufferPointer) throws(HeadObstacle) {
        guard head.contentLength == -1, !value.isEmpty, value.count <= 18 else { throw .badRequest }
        var length = 0
        for byte in value {
            guard byte &- 0x30 < 10 else { throw .badRequest }
            length = length * 10 + Int(byte &- 0x30)
        }
        head.contentLength = length
    }

    /// Takes a `Transfer-Encoding` line; `chunked` alone is understood.
    ///
    /// Another coding in front of it is 501, one behind it leaves the end unknown: 400.
    private mutating func transferEncoding(_ value: UnsafeRawBufferPointer) throws(HeadObstacle) {
        guard !head.isChunked else { throw .badRequest }
        head.isChunked = true
        guard !FieldText.equals(value, lowercase: "chunked") else { return }
        var rest = value
        var last: UnsafeRawBufferPointer?
        while let coding = FieldText.nextElement(of: &rest) {
            // Chunks within chunks (section 6.1).
            if let last, FieldText.equals(last, lowercase: "chunked") { throw .badRequest }
            last = coding
        }
        guard let last, FieldText.equals(last, lowercase: "chunked") else { throw .badRequest }
        throw .refused(status: 501)
    }

    /// The rules that concern several lines.
    mutating func conclude() throws(HeadObstacle) {
        let isOld = head.minorVersion == 0
        guard hostCount == 1 || isOld && hostCount == 0 else { throw .badRequest }
        // Both framings at once, or chunks in HTTP/1.0, are read differently by different servers (section 6.1).
        guard !head.isChunked || head.contentLength == -1 && !isOld else { throw .badRequest }
        // HTTP/1.0 knows no expectations (RFC 9110, section 10.1.1).
        guard !expectsOther || isOld else { throw .refused(status: 417) }
        head.keepsAlive = !closes && (!isOld || asksKeepAlive)
        head.expectsContinue = expects && !isOld
    }

    private func peek() throws(HeadObstacle) -> UInt8 {
        guard position < bytes.count else { throw .missingBytes }
        return bytes[position]
    }

    private mutating func expect(_ byte: UInt8) throws(HeadObstacle) {
        guard try peek() == byte else { throw .badRequest }
        position += 1
    }

    private mutating func lineEnd() throws(HeadObstacle) {
        try expect(0x0D)
        try expect(0x0A)
    }

    private mutating func digit() throws(HeadObstacle) -> Int {
        let value = try peek() &- 0x30
        guard value < 10 else { throw .badRequest }
        position += 1
        return Int(value)
    }

    /// The longest run of allowed bytes from here on.
    @inline(__always)
    private mutating func run(_ isAllowed: (UInt8) -> Bool) -> Range<Int> {
        let start = position
        while position < bytes.count, isAllowed(bytes[position]) { position += 1 }
        return start..<position
    }
}
