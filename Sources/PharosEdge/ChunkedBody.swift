#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A request body in chunks, decoded in place (RFC 9112, section 7.1).
///
/// Decoded bytes are moved to the front, behind those decoded before: a body that has arrived whole is one run of bytes,
/// and nothing is allocated. The grammar is followed to the letter, since each tolerance is read differently by some proxy.
package struct ChunkedBody: Equatable, BitwiseCopyable {
    package enum Progress: Equatable, Sendable {
        case incomplete
        /// The body ends at `decodedEnd`, the request at `inputStart`.
        case complete
        /// The decoded body is larger than the limit.
        case tooLarge
        case malformed
    }

    /// Bytes of one line that gives a chunk's size, with its extensions.
    package static let sizeLineLimit = 256
    /// Bytes of all extensions of a body together; they are not looked at.
    package static let extensionLimit = 16_384
    /// Bytes of all trailer fields together.
    ///
    /// They are not looked at (section 7.1.2 allows to discard them).
    package static let trailerLimit = 8_192

    private enum Part: UInt8 { case size, data, dataEnd, trailer, done }

    /// Where the decoded bytes end, counted from where decoding began.
    package private(set) var decodedEnd: Int
    /// Where the bytes begin that have not been decoded.
    package private(set) var inputStart: Int
    private let bodyStart: Int
    private var part = Part.size
    /// Bytes of the chunk that are still to come.
    private var rest = 0
    private var extensionBytes = 0
    private var trailerBytes = 0

    /// Begins to decode a body.
    ///
    /// - Parameter start: where the first chunk begins in the bytes that `decode` will be given.
    package init(start: Int) {
        bodyStart = start
        decodedEnd = start
        inputStart = start
    }

    /// Bytes of the body so far.
    package var count: Int { decodedEnd - bodyStart }

    /// Goes on with the bytes that have arrived.
    ///
    /// These are all from the request's first one on, as earlier calls have left them.
    ///
    /// - Parameter limit: bytes that the decoded body may have.
    package mutating func decode(_ bytes: UnsafeMutableRawBufferPointer, limit: Int) -> Progress {
        while true {
            switch part {
            case .size:
                switch readSize(UnsafeRawBufferPointer(bytes), limit: limit) {
                case .complete: continue
                case let other: return other
                }
            case .data:
                let count = min(rest, bytes.count - inputStart)
                if count > 0, decodedEnd != inputStart {
                    memmove(bytes.baseAddress! + decodedEnd, bytes.baseAddress! + inputStart, count)
                }
                decodedEnd += count
                inputStart += count
                rest -= count
                guard rest == 0 else { return .incomplete }
                part = .dataEnd
            case .dataEnd:
                guard bytes.count - inputStart >= 2 else {
                    return bytes.count == inputStart || bytes[inputStart] == 0x0D ? .incomplete : .malformed
                }
                guard bytes[inputStart] == 0x0D, bytes[inputStart + 1] == 0x0A else { return .malformed }
                inputStart += 2
                part = .size
            case .trailer:
                switch readTrailer(UnsafeRawBufferPointer(bytes)) {
                case .complete: continue
                case let other: return other
                }
            case .done: return .complete
            }
        }
    }

    /// The range of used bytes between the decoded ones and the others.
    ///
    /// From now on they are taken to be gone.
    package mutating func closeGap() -> Range<Int> {
        defer { inputStart = decodedEnd }
        return decodedEnd..<inputStart
    }

    /// `chunk-size [ chunk-ext ] CRLF`; `.complete`: the line has been read.
    private mutating func readSize(_ bytes: UnsafeRawBufferPointer, limit: Int) -> Progress {
        var position = inputStart
        var size = 0
        while position < bytes.count, let digit = ChunkedBody.hexDigit(bytes[position]) {
            guard size <= limit else { return .tooLarge }
            size = size << 4 | digit
            position += 1
            guard position - inputStart <= 16 else { return .malformed }
        }
        let digits = position - inputStart
        guard position < bytes.count else { return .incomplete }
        guard digits > 0 else { return .malformed }
        let extensionStart = position
        // White space may stand in front of an extension, and of nothing else (section 7.1.1).
        while position < bytes.count, FieldText.isSpace(bytes[position]) { position += 1 }
        if position > extensionStart, position < bytes.count, bytes[position] != UInt8(ascii: ";") { return .malformed }
        if position < bytes.count, bytes[position] == UInt8(ascii: ";") {
            while position < bytes.count, FieldText.isValue(bytes[position]) { position += 1 }
        }
        guard position - inputStart <= ChunkedBody.sizeLineLimit else { return .malformed }
        guard let end = lineEnd(bytes, at: position) else { return .malformed }
        guard end <= bytes.count else { return .incomplete }
        extensionBytes += position - extensionStart
        guard extensionBytes <= ChunkedBody.extensionLimit else { return .malformed }
        guard size <= limit - count else { return .tooLarge }
        inputStart = end
        rest = size
        part = size == 0 ? .trailer : .data
        return .complete
    }

    /// Reads one field line, or the empty line that ends the body.
    ///
    /// `.complete`: the empty line has been read.
    private mutating func readTrailer(_ bytes: UnsafeRawBufferPointer) -> Progress {
        var position = inputStart
        while position < bytes.count, FieldText.isToken(bytes[position]) { position += 1 }
        let hasName = position > inputStart
        if hasName, position < bytes.count {
            guard bytes[position] == UInt8(ascii: ":") else { return .malformed }
            position += 1
            while position < bytes.count, FieldText.isValue(bytes[position]) { position += 1 }
        }
        guard trailerBytes + position - inputStart <= ChunkedBody.trailerLimit else { return .malformed }
        guard position < bytes.count else { return .incomplete }
        guard let end = lineEnd(bytes, at: position) else { return .malformed }
        guard end <= bytes.count else { return .incomplete }
        trailerBytes += end - inputStart
        inputStart = end
        if !hasName { part = .done }
        return .complete
    }

    /// The position behind the line end at `position`; nil: there is none.
    ///
    /// It may lie beyond the bytes that are there.
    private func lineEnd(_ bytes: UnsafeRawBufferPointer, at position: Int) -> Int? {
        if position < bytes.count, bytes[position] != 0x0D { return nil }
        if position + 1 < bytes.count, bytes[position + 1] != 0x0A { return nil }
        return position + 2
    }

    private static func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
