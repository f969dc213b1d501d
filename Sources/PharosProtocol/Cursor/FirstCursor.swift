import PharosBytes
import PharosDomain

/// Reads a cursor of the first version, which named each channel.
///
/// It is given the part behind `v1.`.
enum FirstCursor {
    static func decode(
        _ entries: Slice<UnsafeRawBufferPointer>, channelLimit: Int
    ) throws(CursorError) -> [ChannelName: StreamPosition] {
        var positions: [ChannelName: StreamPosition] = [:]
        guard !entries.isEmpty else { return positions }
        for entry in entries.split(
            separator: UInt8(ascii: "."), maxSplits: channelLimit, omittingEmptySubsequences: false)
        {
            guard positions.count < channelLimit else { throw .tooManyChannels(limit: channelLimit) }
            let (channel, position) = try decodeEntry(entry)
            guard positions.updateValue(position, forKey: channel) == nil else { throw .malformed }
        }
        return positions
    }

    private static func decodeEntry(
        _ entry: Slice<UnsafeRawBufferPointer>
    ) throws(CursorError) -> (channel: ChannelName, position: StreamPosition) {
        let parts = entry.split(separator: UInt8(ascii: "~"), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty,
            let name = Base64.decode(UnsafeRawBufferPointer(rebasing: parts[0]), .url),
            let channel = ChannelName(validating: name), StreamPosition.isEpoch(parts[1]),
            let offset = StreamPosition.offset(parts[2])
        else { throw .malformed }
        return (channel, StreamPosition(offset: offset, epoch: Epoch(decoding: parts[1])))
    }
}
