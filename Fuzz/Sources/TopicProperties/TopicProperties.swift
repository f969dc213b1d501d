import PharosBytes
import PharosCluster
import PharosProtocol
import PharosTopic

/// The properties of the words between nodes and the topic node, for any input.
///
/// Each function says which property is violated, or nil.
package enum TopicProperties {
    /// Messages of a link are the same whole, cut in two, and byte by byte.
    ///
    /// Each that is read is written so that it is read as the same. The first byte says where the rest is cut.
    package static func frames(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let stream = Array(input.dropFirst())
        let cut = Int(first) % (stream.count + 1)
        let whole = said([stream])
        guard said([Array(stream[..<cut]), Array(stream[cut...])]) == whole else {
            return "a cut stream says something else"
        }
        guard said(stream.map { [$0] }) == whole else { return "bytes one by one say something else" }
        return whole.first { $0.hasPrefix("another: ") }
    }

    /// All that is read, and at the end the failure if there is one.
    private static func said(_ pieces: [[UInt8]]) -> [String] {
        var said: [String] = []
        var reader = TopicFrameReader(limit: 4_096)
        do throws(MalformedFrame) {
            for piece in pieces {
                piece.withUnsafeBytes { reader.append($0) }
                while let frame = try reader.next() {
                    said.append(isReadAgain(frame) ? letters(frame) : "another: \(frame)")
                }
            }
        } catch {
            said.append("failed: \(error.reason)")
        }
        return said
    }

    private static func isReadAgain(_ frame: TopicFrame) -> Bool {
        var writer = ByteWriter()
        frame.append(to: &writer)
        var reader = TopicFrameReader()
        writer.withBytes { reader.append($0) }
        guard let again = try? reader.next() else { return false }
        return letters(again) == letters(frame)
    }

    /// The letters of a value's text in their order.
    ///
    /// Dictionaries have none of their own.
    private static func letters(_ value: Any) -> String { String(decoding: "\(value)".utf8.sorted(), as: UTF8.self) }

    /// Envelopes that are read are written so that they are read as the same.
    ///
    /// The first byte chooses the decoder.
    package static func envelopes(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: input[1...])
        if first & 1 == 0 {
            guard let envelope = try? PublicationEnvelope(body) else { return nil }
            guard let again = try? PublicationEnvelope(envelope.encoded()) else { return "not read again" }
            return again == envelope ? nil : "another publication: \(envelope), \(again)"
        }
        guard let envelope = try? MemberEnvelope(body) else { return nil }
        let again = envelope.encoded().withUnsafeBytes { try? MemberEnvelope($0) }
        return again == envelope ? nil : "another member: \(envelope)"
    }
}
