import PharosNATS

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The messages that a parser read, and the error that ended it.
struct Reading: Equatable {
    var messages: [NATSServerMessage] = []
    var failure: NATSParseError?
}

/// Bytes of a server, to be read whole or in pieces.
struct Transcript {
    var bytes: [UInt8]
    var limits = NATSLimits()

    init(_ text: String) { bytes = Array(text.utf8) }
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The bytes that a real server sent, as `record.py` has kept them.
    init(recorded name: String, file: String = #filePath) throws {
        let tests = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
        guard let stream = fopen("\(tests)/NATSTranscripts/\(name).bytes", "rb") else { throw Missing(name: name) }
        defer { fclose(stream) }
        bytes = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&part, 1, part.count, stream)
            guard count > 0 else { break }
            bytes += part[..<count]
        }
    }

    struct Missing: Error { var name: String }

    /// Reads the bytes, cut at `cuts`, by one parser.
    func read(cuts: [Int] = []) -> Reading {
        var parser = NATSParser(limits: limits)
        var reading = Reading()
        let ends = cuts + [bytes.count]
        var start = 0
        for end in ends {
            parser.feed(Array(bytes[start..<end]), into: &reading)
            start = end
        }
        return reading
    }

    /// Reads the bytes in pieces of `size`.
    func read(pieces size: Int) -> Reading {
        read(cuts: Array(stride(from: size, to: bytes.count, by: size)))
    }
}

extension NATSParser {
    /// Reads one piece of bytes.
    mutating func feed(_ piece: [UInt8], into reading: inout Reading) {
        do throws(NATSParseError) {
            try piece.span.withUnsafeBytes { (bytes) throws(NATSParseError) in
                var rest = bytes
                while let message = try next(&rest) { reading.messages.append(message) }
            }
        } catch {
            reading.failure = error
        }
    }
}

extension NATSMessage {
    /// A message as a test writes it down.
    static func to(
        _ subscription: UInt64, _ subject: String, reply: String? = nil, headers: NATSHeaders = NATSHeaders(),
        _ payload: String
    ) -> NATSServerMessage {
        .message(
            NATSMessage(
                subscription: subscription, subject: subject, reply: reply, headers: headers,
                payload: Array(payload.utf8)))
    }
}

extension NATSHeaders {
    /// Headers as a test writes them down: `["Name: value"]`.
    init(_ lines: String..., status: String = "") {
        let block = "NATS/1.0\(status)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        self = Array(block.utf8).withUnsafeBytes { NATSHeaders(block: $0) }
    }
}
