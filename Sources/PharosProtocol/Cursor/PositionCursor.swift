package import PharosBytes
package import PharosDomain

/// The positions of several channels in one text: the `id` of an EventSource's events, the cursor of a stateless poll.
///
/// `v1.` and then, joined by `.`, one `<channel in base64url>~<epoch>~<offset>` per channel. It needs no escaping in a
/// header, in a query or in JSON, and holds no line break.
package enum PositionCursor {
    private static let version = "v1."

    /// Appends the cursor. Without positions it is `v1.`, which decodes to none.
    package static func encode(
        _ positions: [(channel: String, position: StreamPosition)], into writer: inout ByteWriter
    ) {
        writer.append(version)
        for (index, entry) in positions.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: ".")) }
            appendBase64URL(entry.channel, into: &writer)
            writer.append(UInt8(ascii: "~"))
            // An epoch with other characters becomes another epoch: its reader is told of a gap, which is safe.
            for byte in entry.position.epoch.utf8.prefix(StreamPosition.epochLimit) {
                writer.append(StreamPosition.isEpochCharacter(byte) ? byte : UInt8(ascii: "_"))
            }
            writer.append(UInt8(ascii: "~"))
            writer.appendJSONNumber(entry.position.offset)
        }
    }

    /// The cursor as a text.
    package static func encode(_ positions: [(channel: String, position: StreamPosition)]) -> String {
        var writer = ByteWriter()
        encode(positions, into: &writer)
        return writer.withBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// The positions in the order of the cursor. Strict: what is accepted is what `encode` writes.
    /// - Parameter channelLimit: the most channels that it may name.
    package static func decode(
        _ text: UnsafeRawBufferPointer, channelLimit: Int
    ) throws(CursorError) -> [(channel: String, position: StreamPosition)] {
        guard text.starts(with: version.utf8) else { throw isOtherVersion(text) ? .unknownVersion : .malformed }
        let entries = text[version.utf8.count...]
        var positions: [(channel: String, position: StreamPosition)] = []
        guard !entries.isEmpty else { return positions }
        var known: Set<String> = []
        for entry in entries.split(
            separator: UInt8(ascii: "."), maxSplits: channelLimit, omittingEmptySubsequences: false)
        {
            guard positions.count < channelLimit else { throw .tooManyChannels(limit: channelLimit) }
            let position = try decodeEntry(entry)
            guard known.insert(position.channel).inserted else { throw .malformed }
            positions.append(position)
        }
        return positions
    }

    /// The same for a text.
    package static func decode(
        _ text: String, channelLimit: Int
    ) throws(CursorError) -> [(channel: String, position: StreamPosition)] {
        try Array(text.utf8).withUnsafeBufferPointer { bytes throws(CursorError) in
            try decode(UnsafeRawBufferPointer(bytes), channelLimit: channelLimit)
        }
    }

    private static func decodeEntry(
        _ entry: Slice<UnsafeRawBufferPointer>
    ) throws(CursorError) -> (channel: String, position: StreamPosition) {
        let parts = entry.split(separator: UInt8(ascii: "~"), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let channel = decodeBase64URL(parts[0]), StreamPosition.isEpoch(parts[1]),
            let offset = StreamPosition.offset(parts[2])
        else { throw .malformed }
        return (channel, StreamPosition(offset: offset, epoch: String(decoding: parts[1], as: UTF8.self)))
    }

    /// `v`, a number and a point.
    private static func isOtherVersion(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.first == UInt8(ascii: "v"), let point = text.firstIndex(of: UInt8(ascii: ".")) else { return false }
        return StreamPosition.offset(text[1..<point]) != nil
    }

    /// RFC 4648, section 5, without padding.
    private static func appendBase64URL(_ text: String, into writer: inout ByteWriter) {
        for byte in Base64.encode(Array(text.utf8)).utf8 {
            switch byte {
            case UInt8(ascii: "+"): writer.append(UInt8(ascii: "-"))
            case UInt8(ascii: "/"): writer.append(UInt8(ascii: "_"))
            case UInt8(ascii: "="): break
            default: writer.append(byte)
            }
        }
    }

    private static func decodeBase64URL(_ text: Slice<UnsafeRawBufferPointer>) -> String? {
        guard !text.isEmpty else { return nil }
        var standard: [UInt8] = []
        standard.reserveCapacity(text.count + 3)
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): standard.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): standard.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
            default: standard.append(byte)
            }
        }
        while standard.count % 4 != 0 { standard.append(UInt8(ascii: "=")) }
        guard let bytes = standard.withUnsafeBytes({ Base64.decode($0) }) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
