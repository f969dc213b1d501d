import PharosProtocol
import PharosBytes
import PharosDomain

extension CodecProperties {
    /// Cursors that are read keep their limits.
    ///
    /// Cursors that are written are short, read back, and are refused when they are cut.
    ///
    /// The input is read as a cursor, and as a list of channels: a byte with the length of the name, the name, a byte with the
    /// length of the epoch, the epoch, eight bytes of offset.
    package static func cursors(_ input: UnsafeRawBufferPointer) -> String? {
        for limit in [0, 1, 8, 128] {
            guard let vector = try? PositionCursor.decode(input, channelLimit: limit) else { continue }
            guard vector.count <= limit else { return "more channels than the limit" }
        }
        let positions = positions(input)
        let text = PositionCursor.encode(positions)
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "&") }) else {
            return "needs escaping"
        }
        guard let vector = try? PositionCursor.decode(text, channelLimit: positions.count) else {
            return "an own cursor is not read"
        }
        guard vector.count == positions.count else { return "channels are lost" }
        for (channel, position) in positions {
            guard vector.position(of: channel) == position else { return "another position" }
        }
        guard PositionCursor.encode(positions.reversed()) == text else { return "the order of the channels matters" }
        let cut = text.utf8.count - 1 - Int(input.first ?? 0) % 4
        if cut > 3, (try? PositionCursor.decode(String(text.prefix(cut)), channelLimit: positions.count)) != nil {
            return "a cursor that was cut is read"
        }
        return nil
    }

    private static func positions(_ input: UnsafeRawBufferPointer) -> [(channel: ChannelName, position: StreamPosition)]
    {
        var rest = input[...]
        var positions: [(channel: ChannelName, position: StreamPosition)] = []
        var known: Set<[UInt8]> = []
        func take(_ count: Int) -> [UInt8]? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        while let length = take(1), let name = take(Int(length[0])), let epochLength = take(1),
            let epochBytes = take(Int(epochLength[0] % 65)), let offsetBytes = take(8)
        {
            guard let channel = ChannelName(validating: name), known.insert(name).inserted else { continue }
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
            let epoch = Epoch(decoding: epochBytes.map { alphabet[Int($0 & 63)] })
            // Small numbers as well as large ones.
            let offset = offsetBytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } >> UInt64(offsetBytes[0] & 63)
            positions.append((channel, StreamPosition(offset: offset, epoch: epoch)))
        }
        return positions
    }
}
