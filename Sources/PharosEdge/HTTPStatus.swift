import CPharosSys
import PharosBytes

/// Status lines that the edge writes (RFC 9110, section 15).
///
/// 551 and 552 are an older room protocol's own.
enum HTTPStatus {
    /// Appends a status with its reason.
    ///
    /// Another status of the 4xx is written with a general reason; any other that is not listed becomes a 500.
    static func append(_ status: Int, into writer: inout ByteWriter) {
        if let line = line(status) { return writer.append(line) }
        guard (400...499).contains(status) else { return writer.append("500 Internal Server Error" as StaticString) }
        writer.appendDecimal(status)
        writer.append(" Client Error" as StaticString)
    }

    private static func line(_ status: Int) -> StaticString? {
        switch status {
        case 200: "200 OK"
        case 201: "201 Created"
        case 202: "202 Accepted"
        case 204: "204 No Content"
        case 206: "206 Partial Content"
        case 301: "301 Moved Permanently"
        case 302: "302 Found"
        case 303: "303 See Other"
        case 304: "304 Not Modified"
        case 307: "307 Temporary Redirect"
        case 308: "308 Permanent Redirect"
        case 400: "400 Bad Request"
        case 401: "401 Unauthorized"
        case 403: "403 Forbidden"
        case 404: "404 Not Found"
        case 405: "405 Method Not Allowed"
        case 408: "408 Request Timeout"
        case 409: "409 Conflict"
        case 410: "410 Gone"
        case 411: "411 Length Required"
        case 412: "412 Precondition Failed"
        case 413: "413 Content Too Large"
        case 414: "414 URI Too Long"
        case 415: "415 Unsupported Media Type"
        case 416: "416 Range Not Satisfiable"
        case 417: "417 Expectation Failed"
        case 426: "426 Upgrade Required"
        case 429: "429 Too Many Requests"
        case 431: "431 Request Header Fields Too Large"
        case 501: "501 Not Implemented"
        case 502: "502 Bad Gateway"
        case 503: "503 Service Unavailable"
        case 504: "504 Gateway Timeout"
        case 505: "505 HTTP Version Not Supported"
        case 551: "551 No New Message"
        case 552: "552 Canceled"
        case 500: "500 Internal Server Error"
        default: nil
        }
    }
}

/// The `Date` header's value (RFC 9110, section 6.6.1).
///
/// It is formatted at most once a second.
struct HTTPDate: ~Copyable {
    private var second: Int64 = -1
    private var text = ByteWriter(capacity: 32)

    init() {}

    mutating func append(wallMs: Int64, into writer: inout ByteWriter) {
        let now = wallMs / 1_000
        if now != second {
            second = now
            text.removeAll()
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 40) { buffer in
                let count = pharos_http_date(now, buffer.baseAddress!, 40)
                text.append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count]))
            }
        }
        text.withBytes { writer.append($0) }
    }
}
