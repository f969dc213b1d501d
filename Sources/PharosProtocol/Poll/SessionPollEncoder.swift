package import PharosBytes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes the answer of a long poll with a session.
///
/// `{"cursor":"<number>","messages":[…]}`
///
/// The messages come as they wait in the session: JSON, each ended by a newline. Whole, or in pieces between `begin` and
/// `end`, where a piece holds whole messages.
package enum SessionPollEncoder {
    package static func encode(cursor: UInt64, lines: UnsafeRawBufferPointer, into writer: inout ByteWriter) {
        begin(cursor: cursor, into: &writer)
        append(lines: lines, into: &writer)
        end(into: &writer)
    }

    package static func begin(cursor: UInt64, into writer: inout ByteWriter) {
        writer.jsonLiteral("{\"cursor\":\"")
        writer.appendDecimal(cursor)
        writer.jsonLiteral("\",\"messages\":[")
    }

    /// Appends further messages. The last newline of a piece may be missing.
    package static func append(lines: UnsafeRawBufferPointer, into writer: inout ByteWriter) {
        guard var line = lines.baseAddress else { return }
        let end = line + lines.count
        while line < end {
            // Encoders leave raw newlines out of messages, so that each one separates.
            let next = memchr(line, 0x0A, end - line).map { UnsafeRawPointer($0) } ?? end
            if next > line {
                writer.nextJSONElement()
                writer.append(UnsafeRawBufferPointer(start: line, count: next - line))
            }
            line = next + 1
        }
    }

    package static func end(into writer: inout ByteWriter) {
        writer.jsonLiteral("]}")
    }
}
