import PharosEdge
import Testing

@Suite("bodies in chunks (RFC 9112, section 7.1)")
struct ChunkedBodyTests {
    /// Decodes `text` given in pieces of `size` bytes.
    ///
    /// - Returns: the body, and the bytes behind the request.
    private func decode(_ text: String, pieces size: Int, limit: Int = 1_000) -> (
        ChunkedBody.Progress, body: String, rest: String
    ) {
        let head = "HEAD"
        var bytes = Array(head.utf8)
        var body = ChunkedBody(start: bytes.count)
        var progress = ChunkedBody.Progress.incomplete
        var input = Array(text.utf8)[...]
        repeat {
            bytes += input.prefix(size)
            input = input.dropFirst(size)
            progress = bytes.withUnsafeMutableBytes { body.decode($0, limit: limit) }
            if progress == .incomplete { bytes.removeSubrange(body.closeGap()) }
        } while progress == .incomplete && !input.isEmpty
        #expect(String(decoding: bytes.prefix(head.utf8.count), as: UTF8.self) == head)
        return (
            progress, String(decoding: bytes[head.utf8.count..<body.decodedEnd], as: UTF8.self),
            String(decoding: bytes[body.inputStart...] + input, as: UTF8.self)
        )
    }

    @Test(
        "what is sent in chunks is one body, however it arrives",
        arguments: [
            ("5\r\nhello\r\n0\r\n\r\n", "hello", ""), ("0\r\n\r\nGET", "", "GET"),
            ("1\r\na\r\n2\r\nbc\r\n00\r\n\r\n", "abc", ""), ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789", ""),
            ("3;a=b;c=\"d;\"\r\nxyz\r\n0;last\r\n\r\n", "xyz", ""), ("3 ;a\r\nxyz\r\n0\r\n\r\n", "xyz", ""),
            ("2\r\n\r\n\r\n0\r\nDigest: x\r\nEmpty:\r\n\r\nnext", "\r\n", "next"),
            ("0000000000000003\r\nabc\r\n0\r\n\r\n", "abc", ""),
        ], [1, 2, 3, 7, 1_000])
    func whole(_ example: (String, String, String), _ size: Int) {
        let (progress, body, rest) = decode(example.0, pieces: size)
        #expect(progress == .complete)
        #expect(body == example.1)
        #expect(rest == example.2)
    }

    @Test(
        "what another reader might take for something else is malformed",
        arguments: [
            "\r\n", "g\r\n", "-1\r\n", "+1\r\na", "0x1\r\na", "1\na\r\n", "1\r\nab\r\n", "1\r\na\n0\r\n", "1 \r\na\r\n",
            "1\r\na0\r\n", "1 2\r\n", "00000000000000001\r\na", "0\r\n folded\r\n\r\n", "0\r\nno colon\r\n\r\n",
            "0\r\n: no name\r\n\r\n", "0\r\n\r\r\n", "0\r\nA: b\n\r\n", "1;\u{1}\r\na\r\n", "ffffffffffffffff0\r\n",
        ], [1, 1_000])
    func malformed(_ text: String, _ size: Int) {
        let progress = decode(text, pieces: size).0
        #expect(progress == .malformed || progress == .tooLarge && text.hasPrefix("fff"))
    }

    @Test("a body above the limit is refused by the size that is announced", arguments: ["4\r\n", "FFFFFFFFFFFF\r\n"])
    func tooLarge(_ text: String) {
        #expect(decode(text, pieces: 1_000, limit: 3).0 == .tooLarge)
        #expect(decode("2\r\nab\r\n2\r\n", pieces: 1_000, limit: 3).0 == .tooLarge)
        #expect(decode("3\r\nabc\r\n0\r\n\r\n", pieces: 1_000, limit: 3).0 == .complete)
    }

    @Test("extensions and trailers are bounded, line by line and together")
    func bounds() {
        let long = String(repeating: "e", count: ChunkedBody.sizeLineLimit)
        #expect(decode("1;\(long)\r\na\r\n0\r\n\r\n", pieces: 1_000).0 == .malformed)
        #expect(decode("1;\(long)", pieces: 1_000).0 == .malformed)
        let some = String(repeating: "e", count: 200)
        let many = String(repeating: "1;\(some)\r\na\r\n", count: ChunkedBody.extensionLimit / 200 + 1)
        #expect(decode(many + "0\r\n\r\n", pieces: 10_000, limit: 10_000).0 == .malformed)
        let trailers = String(repeating: "A: \(some)\r\n", count: ChunkedBody.trailerLimit / 200 + 1)
        #expect(decode("0\r\n" + trailers + "\r\n", pieces: 100_000).0 == .malformed)
        #expect(decode("0\r\nA: " + String(repeating: "x", count: 9_000), pieces: 100_000).0 == .malformed)
    }
}
