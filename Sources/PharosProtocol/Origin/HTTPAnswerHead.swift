import PharosDomain

/// The status line and the header fields of an answer.
///
/// They also say how its body is framed (RFC 9112, sections 4 to 6).
struct HTTPAnswerHead {
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
        case untilEnd
    }

    private(set) var answer = HTTPAnswer()
    private(set) var framing = Framing.untilEnd

    private var length: Int?
    private var isChunked = false

    /// - Parameter bytes: all lines, with the empty one at the end.
    init(_ bytes: ArraySlice<UInt8>) throws(MalformedFrame) {
        var lines = bytes[...]
        try readStatusLine(HTTPField.nextLine(&lines))
        while case let line = HTTPField.nextLine(&lines), !line.isEmpty { try readField(line) }
        switch answer.status {
        case 100..<200, 204, 304: framing = .none
        default:
            if isChunked {
                // A length beside chunks is how requests are smuggled; an answer has no reason for it either.
                guard length == nil else { throw MalformedFrame(reason: "two framings") }
                framing = .chunked
            } else if let length {
                framing = .length(length)
            }
        }
    }

    /// `HTTP/1.1 200 OK`
    private mutating func readStatusLine(_ line: ArraySlice<UInt8>) throws(MalformedFrame) {
        let prefix = Array("HTTP/1.".utf8)
        let first = line.startIndex
        guard line.count >= 12, line.starts(with: prefix), line[first + 8] == UInt8(ascii: " "),
            line.count == 12 || line[first + 12] == UInt8(ascii: " ")
        else { throw MalformedFrame(reason: "status line") }
        switch line[first + 7] {
        case UInt8(ascii: "1"): break
        case UInt8(ascii: "0"): answer.keepsConnection = false
        default: throw MalformedFrame(reason: "version")
        }
        var status = 0
        for digit in line[(first + 9)..<(first + 12)] {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else {
                throw MalformedFrame(reason: "status")
            }
            status = status * 10 + Int(digit - UInt8(ascii: "0"))
        }
        guard status >= 100 else { throw MalformedFrame(reason: "status") }
        answer.status = status
    }

    private mutating func readField(_ line: ArraySlice<UInt8>) throws(MalformedFrame) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(HTTPField.isToken)
        else { throw MalformedFrame(reason: "header field") }
        let name = line[..<colon]
        let value = HTTPField.trimmed(line[(colon + 1)...])
        guard value.allSatisfy(HTTPField.isValue) else { throw MalformedFrame(reason: "header field") }
        // Most fields differ from all of these in their length alone.
        switch name.count {
        case 10 where HTTPField.equals(name, "connection"): readConnection(value)
        case 12 where HTTPField.equals(name, "content-type"): answer.contentType = HTTPField.text(value)
        case 13 where HTTPField.equals(name, "x-pharos-user"): answer.user = UserID(decoding: value)
        case 14 where HTTPField.equals(name, "content-length"): try readLength(value)
        case 16 where HTTPField.equals(name, "content-encoding"):
            answer.isEncoded = answer.isEncoded || !HTTPField.equals(value, "identity")
        case 16 where HTTPField.equals(name, "x-accel-redirect"): answer.redirect = HTTPField.text(value)
        case 17 where HTTPField.equals(name, "transfer-encoding"):
            guard !isChunked, HTTPField.equals(value, "chunked") else {
                throw MalformedFrame(reason: "transfer coding")
            }
            isChunked = true
        case 17 where HTTPField.equals(name, "x-pharos-channels"):
            // Several fields of one name are one list (RFC 9110, section 5.3).
            answer.channels = answer.channels.map { $0 + "," + HTTPField.text(value) } ?? HTTPField.text(value)
        case 22 where HTTPField.equals(name, "webhook-allowed-origin"): answer.allowedOrigin = HTTPField.text(value)
        default: break
        }
    }

    private mutating func readConnection(_ value: ArraySlice<UInt8>) {
        for option in value.split(separator: UInt8(ascii: ",")) {
            let option = HTTPField.trimmed(option)
            if HTTPField.equals(option, "close") { answer.keepsConnection = false }
        }
    }

    private mutating func readLength(_ value: ArraySlice<UInt8>) throws(MalformedFrame) {
        guard !value.isEmpty, value.count <= 18 else { throw MalformedFrame(reason: "length") }
        var number = 0
        for digit in value {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else {
                throw MalformedFrame(reason: "length")
            }
            number = number * 10 + Int(digit - UInt8(ascii: "0"))
        }
        guard length == nil || length == number else { throw MalformedFrame(reason: "two lengths") }
        length = number
    }
}
