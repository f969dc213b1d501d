import CPharosSys

/// Decompresses messages of permessage-deflate, each by itself.
///
/// See RFC 7692, section 7.2.2.
///
/// One serves all connections of a shard: it is used when a message has arrived whole, so a connection has no state of
/// its own. Memory is taken with the first message. Not thread-safe.
package struct MessageInflater: ~Copyable {
    package enum Outcome {
        /// Valid until the next call.
        case message(UnsafeRawBufferPointer)
        /// 1007: broken or cut off; 1009: longer than the limit; 1011: there is no memory.
        case failure(closeCode: UInt16)
    }

    private var inflater: OpaquePointer?
    private var scratch = ScratchMemory()

    package init() {}

    deinit { pharos_inflater_free(inflater) }

    /// - Parameters:
    ///   - payload: of all frames of one message.
    ///   - limit: bytes of the message decompressed. Not more than one byte beyond it is ever written or taken.
    package mutating func inflate(_ payload: UnsafeRawBufferPointer, limit: Int) -> Outcome {
        if inflater == nil { inflater = pharos_inflater_make() }
        guard let inflater else { return .failure(closeCode: 1011) }
        pharos_inflate_begin(inflater, payload.baseAddress, payload.count)
        scratch.reset()
        // The byte beyond the limit distinguishes a message that is too long from one that just fits.
        let roomLimit = limit < Int.max ? limit + 1 : limit
        var room = min(max(payload.count * 4, 4_096), roomLimit)
        var count = 0
        while true {
            guard scratch.grow(to: room) else { return .failure(closeCode: 1011) }
            var written = 0
            let outcome = pharos_inflate_next(inflater, scratch.bytes.baseAddress! + count, room - count, &written)
            count += written
            guard count <= limit else { return .failure(closeCode: 1009) }
            switch Int(outcome) {
            case PHAROS_INFLATE_DONE:
                return .message(UnsafeRawBufferPointer(start: scratch.bytes.baseAddress, count: count))
            case PHAROS_INFLATE_FULL:
                room = room > roomLimit / 2 ? roomLimit : room * 2
            case PHAROS_INFLATE_NO_MEMORY:
                return .failure(closeCode: 1011)
            default:
                return .failure(closeCode: 1007)
            }
        }
    }
}
