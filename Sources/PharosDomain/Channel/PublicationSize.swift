/// The bytes that a publication may take in one subscriber's output.
///
/// They suffice for every form in which it is read.
///
/// A publication that is larger than what may wait for one connection would close every subscriber. It is refused
/// instead, with an error that says so, before it gets an offset.
package enum PublicationSize {
    /// Bytes around the data in the largest form.
    ///
    /// They are names of fields, framing, and an event's id.
    package static var overhead: Int { 1_024 }

    /// - Parameter limit: bytes that may wait for one connection.
    package static func fits(_ publication: Publication, in channel: ChannelName, limit: Int) -> Bool {
        let room = limit - around(publication) - channel.utf8.count * 6 - overhead
        let count = publication.data.count
        guard count <= room else { return false }
        // No form makes more than eight bytes of one: nearly all are small enough without a look at them.
        return count <= room / 8 || publication.data.withUnsafeBytes { largestForm($0, publication) } <= room
    }

    /// Bytes of a publication beside its data.
    private static func around(_ publication: Publication) -> Int {
        var around = 0
        for (key, value) in publication.tags { around += 6 * (key.utf8.count + value.utf8.count) + 16 }
        if let info = publication.info {
            around += 6 * (info.user.utf8.count + info.client.utf8.count)
            around += 2 * (info.connectionInfo.count + info.channelInfo.count)
        }
        return around
    }

    private static func largestForm(_ data: UnsafeRawBufferPointer, _ publication: Publication) -> Int {
        // Bytes that are no JSON go to some as base64.
        var largest = publication.isJSON ? data.count : (data.count + 2) / 3 * 4
        var (lines, escapes) = (0, 0)
        for byte in data {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                lines += 1
                escapes += 1
            case 0..<0x20: escapes += 5
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): escapes += 1
            default: break
            }
        }
        // An event stream begins each line anew with `data: `.
        largest = max(largest, data.count + 7 * lines)
        // A delta, or the whole in its place, is a JSON text.
        if publication.allowsDelta { largest = max(largest, data.count + escapes) }
        return largest
    }
}

extension ReplyError {
    /// 106 with what would have to be changed.
    package static let publicationTooLarge = ReplyError(
        code: 106, message: "limit exceeded: more than client.queue_max_size allows a subscriber to have waiting")
}
