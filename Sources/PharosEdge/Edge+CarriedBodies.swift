import CPharosHTTP2

/// The bytes of streams as DATA frames of their carrier.
///
/// A session asks for them while it is asked for output.
extension Edge {
    /// Bytes of a carrier that wait for its socket at a time.
    private static var carrierShare: UInt32 { 65_536 }
    /// Bytes of a frame's body that are copied.
    ///
    /// An entry of its own in the queue would cost more.
    private static var copiedBody: Int { 1_024 }

    /// Bytes of a stream's body that may go into a frame now.
    mutating func waitingBody(_ tag: UInt64, _ limit: Int, _ isEnd: inout Int32) -> Int {
        let id = ConnectionID(raw: tag)
        guard tag != 0, isOpen(id) else {
            isEnd = 1
            return 0
        }
        guard connections[carriers.current].pointee.queuedBytes < Edge.carrierShare else {
            carriers.isPaused = true
            return PHAROS_HTTP2_PAUSE
        }
        let entry = connections[id.slot]
        let count = min(limit, Int(entry.pointee.queuedBytes))
        let isLast =
            entry.pointee.phase == .closing && !entry.pointee.flags.isDisjoint(with: [.closesWhenSent, .lingers])
        if isLast, count == Int(entry.pointee.queuedBytes) {
            isEnd = 1
        } else if count == 0 {
            carried(id.slot).pointee.traits.insert(.isDeferred)
        }
        return count
    }

    /// Moves bytes from a stream's queue behind a frame's header in its carrier's.
    mutating func takeBody(_ tag: UInt64, _ header: UnsafePointer<UInt8>, _ count: Int) {
        let (target, id) = (carriers.current, ConnectionID(raw: tag))
        let isCopied = count <= Edge.copiedBody
        let room = 9 + (isCopied ? count : 0)
        let tail = tailBlock(target, room: room)
        tail.append(UnsafeRawBufferPointer(start: header, count: 9))
        grew(target, by: 9)
        guard count > 0 else { return }
        let entry = connections[id.slot]
        entry.pointee.queuedBytes -= UInt32(count)
        entry.pointee.progress = nowMs
        var rest = UInt32(count)
        while rest > 0 {
            let segment = segments[entry.pointee.firstSegment].pointee
            let taken = min(rest, segment.length)
            if isCopied {
                tail.append(UnsafeRawBufferPointer(start: segment.block.bytes + Int(segment.offset), count: Int(taken)))
                grew(target, by: Int(taken))
            } else {
                enqueue(target, segment.block, offset: Int(segment.offset), length: Int(taken))
            }
            rest -= taken
            if taken == segment.length {
                dropFirstSegment(id.slot)
            } else {
                let first = segments[entry.pointee.firstSegment]
                first.pointee.offset += taken
                first.pointee.length -= taken
                first.pointee.tag.traits.insert(.hasBegun)
            }
        }
        if entry.pointee.firstSegment == .max { allSent(id.slot) }
    }
}
