package import PharosBytes
package import PharosDomain

/// The positions of several channels in one text.
///
/// It is the `id` of an EventSource's events, and the cursor of a stateless poll.
///
/// `v2.` and then bytes in base64url, without padding: no escaping is needed in a header, in a query or in JSON. The bytes
/// are
/// - how the channels' names are hashed: four bits of salt, four bits with the bytes of each hash;
/// - how many channels there are, as a varint;
/// - the length that the epochs have, or 255 where each is preceded by its own;
/// - for each channel, in the order of the hashes: the hash, the epoch with six bits for each of its characters, and the
///   offset as a varint.
///
/// Names are not in it, so its size does not depend on them, and it means something only beside the list of channels. It
/// is complete in itself: it is good for another process after a restart. What the first version wrote is still read: `v1.`
/// and, joined by `.`, one `<channel in base64url>~<epoch>~<offset>` per channel.
package enum PositionCursor {
    /// Channels that one cursor may name.
    ///
    /// They are more than a connection usually has, and few enough to be read in no time.
    package static let channelLimit = 1_024

    private static let version = "v2."
    private static let firstVersion = "v1."
    private static let ownLength: UInt8 = 255
    /// Hashes of fewer bytes would often be other channels'.
    private static let leastWidth = 2

    /// Bytes of a cursor with that many channels at most.
    ///
    /// Its epochs are as our streams have them.
    ///
    /// Hashes of more than four bytes are needed for names that were chosen to need them, and offsets of more than seven bytes
    /// do not happen.
    package static func sizeLimit(channels: Int) -> Int {
        version.utf8.count + ((headBytes + channels * channelBytes) * 4 + 2) / 3
    }

    /// How many channels fit into that many bytes in any case.
    package static func room(in size: Int) -> Int {
        max(0, ((size - version.utf8.count) * 3 / 4 - headBytes) / channelBytes)
    }

    private static let headBytes = 4
    private static let channelBytes = 4 + 6 + 7

    /// Appends the cursor. Without positions it is `v2.`, which decodes to none.
    package static func encode(
        _ positions: [(channel: ChannelName, position: StreamPosition)], into writer: inout ByteWriter
    ) {
        writer.append(version)
        guard !positions.isEmpty else { return }
        let (hash, order) = arranged(positions)
        var bytes = ByteWriter(capacity: 8 + positions.count * 16)
        bytes.append(hash.salt << 4 | UInt8(hash.width))
        bytes.appendVarint(UInt64(positions.count))
        let length = commonLength(positions)
        bytes.append(length ?? ownLength)
        for (whole, index) in order {
            let position = positions[index].position
            for byte in 0..<hash.width { bytes.append(UInt8(truncatingIfNeeded: whole >> UInt64(56 - 8 * byte))) }
            appendEpoch(position.epoch, hasLength: length == nil, into: &bytes)
            bytes.appendVarint(position.offset)
        }
        bytes.withBytes { Base64.encode($0, .url, into: &writer) }
    }

    /// The cursor as a text.
    package static func encode(_ positions: [(channel: ChannelName, position: StreamPosition)]) -> String {
        var writer = ByteWriter()
        encode(positions, into: &writer)
        return writer.withBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// The positions that the text names.
    ///
    /// Strict: what is accepted is what some version of `encode` writes.
    ///
    /// - Parameter channelLimit: the most channels that it may name.
    package static func decode(
        _ text: UnsafeRawBufferPointer, channelLimit: Int
    ) throws(CursorError) -> PositionVector {
        if text.starts(with: version.utf8) {
            return try decodeBytes(UnsafeRawBufferPointer(rebasing: text[version.utf8.count...]), channelLimit)
        }
        if text.starts(with: firstVersion.utf8) {
            return PositionVector(try FirstCursor.decode(text[firstVersion.utf8.count...], channelLimit: channelLimit))
        }
        throw isOtherVersion(text) ? .unknownVersion : .malformed
    }

    /// The same for a text.
    package static func decode(_ text: String, channelLimit: Int) throws(CursorError) -> PositionVector {
        try Array(text.utf8).withUnsafeBufferPointer { bytes throws(CursorError) in
            try decode(UnsafeRawBufferPointer(bytes), channelLimit: channelLimit)
        }
    }

    // MARK: Writing

    /// The shortest hash that distinguishes all the channels.
    ///
    /// With it come their indices in its order.
    private static func arranged(
        _ positions: [(channel: ChannelName, position: StreamPosition)]
    ) -> (ChannelHash, [(hash: UInt64, index: Int)]) {
        var salt: UInt8 = 0
        while true {
            let order = positions.indices.map { (hash: ChannelHash.whole(positions[$0].channel, salt), index: $0) }
                .sorted { $0.hash < $1.hash }
            var common = 0
            for (first, second) in zip(order, order.dropFirst()) {
                common = max(common, (first.hash ^ second.hash).leadingZeroBitCount)
            }
            let width = max(leastWidth, common / 8 + 1)
            // Names with the same whole hash are chosen for that, and have others under another salt.
            if width <= 8 || salt == ChannelHash.saltLimit - 1 {
                return (ChannelHash(width: min(width, 8), salt: salt), order)
            }
            salt += 1
        }
    }

    /// nil: the epochs are not all as long.
    private static func commonLength(_ positions: [(channel: ChannelName, position: StreamPosition)]) -> UInt8? {
        let length = min(positions[0].position.epoch.utf8.count, StreamPosition.epochLimit)
        let areAlike = positions.allSatisfy { min($0.position.epoch.utf8.count, StreamPosition.epochLimit) == length }
        return areAlike ? UInt8(length) : nil
    }

    /// Appends an epoch.
    ///
    /// One with other characters becomes another epoch: its reader gets a gap reported, which is safe.
    private static func appendEpoch(_ epoch: Epoch, hasLength: Bool, into bytes: inout ByteWriter) {
        let characters = epoch.utf8.prefix(StreamPosition.epochLimit)
        if hasLength { bytes.append(UInt8(characters.count)) }
        var bits: UInt32 = 0
        var count = 0
        for character in characters {
            bits = bits << 6 | UInt32(Base64.value(of: character, .url) ?? 63)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        if count > 0 { bytes.append(UInt8(truncatingIfNeeded: bits << UInt32(8 - count))) }
    }

    // MARK: Reading

    private static func decodeBytes(
        _ text: UnsafeRawBufferPointer, _ channelLimit: Int
    ) throws(CursorError) -> PositionVector {
        guard !text.isEmpty else { return PositionVector([:]) }
        guard let bytes = Base64.decode(text, .url) else { throw .malformed }
        return try bytes.withUnsafeBufferPointer { bytes throws(CursorError) in
            var reader = CursorReader(UnsafeRawBufferPointer(bytes))
            let first = try reader.byte()
            let hash = ChannelHash(width: Int(first & 15), salt: first >> 4)
            guard leastWidth...8 ~= hash.width else { throw .malformed }
            let count = try reader.varint()
            guard count > 0 else { throw .malformed }
            guard count <= UInt64(channelLimit) else { throw .tooManyChannels(limit: channelLimit) }
            let length = try reader.byte()
            guard length == ownLength || Int(length) <= StreamPosition.epochLimit else { throw .malformed }
            var positions: [UInt64: StreamPosition] = [:]
            var before: UInt64?
            for _ in 0..<count {
                let name = try reader.hash(width: hash.width)
                if let before, name <= before { throw .malformed }
                before = name
                let own = length == ownLength ? try reader.byte() : length
                guard Int(own) <= StreamPosition.epochLimit else { throw .malformed }
                let epoch = try reader.epoch(characters: Int(own))
                positions[name] = StreamPosition(offset: try reader.varint(), epoch: epoch)
            }
            guard reader.isAtEnd else { throw .malformed }
            return PositionVector(positions, by: hash)
        }
    }

    /// `v`, a number and a point.
    private static func isOtherVersion(_ text: UnsafeRawBufferPointer) -> Bool {
        guard text.first == UInt8(ascii: "v"), let point = text.firstIndex(of: UInt8(ascii: ".")) else { return false }
        return StreamPosition.offset(text[1..<point]) != nil
    }
}
