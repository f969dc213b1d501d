import PharosDomain

/// The publisher and the tags, in one column.
///
/// Most publications have neither. It holds lengths as varints, then the bytes.
enum PublicationExtra {
    /// nil: there is nothing to keep.
    static func encoded(_ publication: Publication) -> [UInt8]? {
        guard publication.info != nil || !publication.tags.isEmpty else { return nil }
        var bytes: [UInt8] = [publication.info == nil ? 0 : 1]
        if let info = publication.info {
            append(info.user.utf8, to: &bytes)
            append(info.client.utf8, to: &bytes)
            append(info.connectionInfo, to: &bytes)
            append(info.channelInfo, to: &bytes)
        }
        append(publication.tags.count, to: &bytes)
        for (key, value) in publication.tags {
            append(key.utf8, to: &bytes)
            append(value.utf8, to: &bytes)
        }
        return bytes
    }

    /// False if these are no bytes of ours.
    static func decode(_ bytes: UnsafeRawBufferPointer, into publication: inout Publication) -> Bool {
        var reader = Reader(bytes: bytes)
        guard let flags = reader.number(), flags <= 1 else { return false }
        if flags == 1 {
            guard let user: UserID = reader.name(), let client: ClientName = reader.name(),
                let connection = reader.bytesOfLength(),
                let channel = reader.bytesOfLength()
            else { return false }
            publication.info = ClientInfo(
                user: user, client: client, connectionInfo: Array(connection), channelInfo: Array(channel))
        }
        guard let count = reader.number() else { return false }
        for _ in 0..<count {
            guard let key: TagKey = reader.name(), let value = reader.text() else { return false }
            publication.tags[key] = value
        }
        return reader.index == bytes.count
    }

    private static func append(_ number: Int, to bytes: inout [UInt8]) {
        var rest = UInt(bitPattern: number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private static func append(_ part: some Collection<UInt8>, to bytes: inout [UInt8]) {
        append(part.count, to: &bytes)
        bytes.append(contentsOf: part)
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var index = 0

        /// At most 2^56, so that adding to an index never overflows.
        mutating func number() -> Int? {
            var value = 0
            for shift in stride(from: 0, to: 56, by: 7) {
                guard index < bytes.count else { return nil }
                let byte = bytes[index]
                index += 1
                value |= Int(byte & 0x7f) << shift
                if byte < 0x80 { return value }
            }
            return nil
        }

        mutating func bytesOfLength() -> Slice<UnsafeRawBufferPointer>? {
            guard let length = number(), index + length <= bytes.count else { return nil }
            defer { index += length }
            return bytes[index..<index + length]
        }

        mutating func name<Kind>() -> Identifier<Kind>? { bytesOfLength().map { Identifier(decoding: $0) } }

        mutating func text() -> String? {
            bytesOfLength().map { String(decoding: $0, as: UTF8.self) }
        }
    }
}
