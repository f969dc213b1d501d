/// The head of one HTTP/1 request, parsed in place.
///
/// All slices point into the caller's buffer.
///
/// A plain value of integers and one pointer; valid as long as the bytes it was parsed from stay where they are.
/// What it accepts is RFC 9112 without the tolerances of its section 2.2 and appendix, because each of them is read
/// differently by some proxy, and that difference is how requests are smuggled.
package struct RequestHead {
    package enum ParseResult {
        /// So far correct, but the empty line has not arrived.
        case incomplete
        case complete(RequestHead)
        /// The 24 bytes with which an HTTP/2 connection starts (RFC 9113, section 3.4).
        case http2Preface
        /// Answer with this status and close.
        ///
        /// The next request's beginning is not known.
        case refused(status: Int)
    }

    /// The longest request target, in bytes; longer ones are refused with 414.
    ///
    /// Room for the names of many channels and the cursor of all their positions.
    package static let targetLimit = 16_384

    let base: UnsafeRawPointer
    var methodRange = 0..<0
    var targetRange = 0..<0
    /// The path within the target.
    ///
    /// Empty for `CONNECT` and for an absolute target without a path.
    var pathRange = 0..<0
    var queryRange = 0..<0
    /// Of an absolute target; empty for others.
    var authorityRange = 0..<0
    /// Where the first field line begins.
    var fieldsStart = 0
    /// One bit for each length of a field's name, the highest for 63 and more.
    ///
    /// Most names that are looked for are not there, and this shows that without reading the lines.
    var nameLengths: UInt64 = 0

    /// Bytes of the head, including the empty line.
    ///
    /// The body or the next request follows.
    package internal(set) var length = 0
    /// 0 or 1; a later minor version is to be served as 1.1 (RFC 9110, section 2.5).
    package internal(set) var minorVersion = 1
    /// The body's length in bytes; -1: no such header.
    package internal(set) var contentLength = -1
    /// Whether the body comes in chunks: `Transfer-Encoding: chunked`.
    package internal(set) var isChunked = false
    /// Whether the connection stays open after the answer.
    ///
    /// That depends on the version and the `Connection` header.
    package internal(set) var keepsAlive = true
    /// Whether the client waits for `100 Continue` before it sends the body.
    package internal(set) var expectsContinue = false

    init(base: UnsafeRawPointer) {
        self.base = base
    }

    package var method: UnsafeRawBufferPointer { slice(methodRange) }

    /// The request target as it stands in the request line.
    package var target: UnsafeRawBufferPointer { slice(targetRange) }

    /// The target's path, still percent-encoded, without query.
    ///
    /// Of an absolute target too; `/` if that has none.
    package var path: UnsafeRawBufferPointer {
        guard pathRange.isEmpty, !targetRange.isEmpty else { return slice(pathRange) }
        let root: StaticString = "/"
        return UnsafeRawBufferPointer(start: root.utf8Start, count: 1)
    }

    /// The host, and maybe port, that the request is for.
    ///
    /// It is that of an absolute target, else of the `Host` line (RFC 9112, section 3.2.2); empty when there is
    /// neither.
    package var authority: UnsafeRawBufferPointer {
        guard authorityRange.isEmpty else { return slice(authorityRange) }
        return header("host") ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The query behind the first `?` of the target; maybe empty.
    package var query: UnsafeRawBufferPointer { slice(queryRange) }

    /// Whether some field's name has that many bytes.
    @inline(__always)
    func hasName(length: Int) -> Bool { nameLengths >> UInt64(min(length, 63)) & 1 == 1 }

    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count)
    }
}
