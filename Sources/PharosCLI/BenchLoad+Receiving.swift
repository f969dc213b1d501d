import CPharosSys
import Glibc
import PharosBytes
import PharosEdge
import PharosProtocol

/// Reads the subscribers' input as whole messages.
///
/// Each marker in them is counted.
extension BenchLoad {
    mutating func handle(connection index: Int, _ events: UInt32) {
        switch connections[index].stage {
        case .closed, .stalled: return
        case .connecting: connected(index)
        case .securing, .upgrading, .subscribing, .ready: receive(index)
        }
    }

    /// One read per event: what is left makes the next event.
    private mutating func receive(_ index: Int) {
        let count = pharos_recv(connections[index].socket, buffer.baseAddress, buffer.count)
        if count == -Int(pharos_eagain) || count == -Int(EINTR) { return }
        guard count > 0 else {
            return ended(index, count == 0 ? "closed by the server" : WireClientError("read", code: count).description)
        }
        guard connections[index].session == nil else { return decrypt(index, count) }
        received(index, UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
    }

    mutating func received(_ index: Int, _ bytes: UnsafeMutableRawBufferPointer) {
        var input = bytes
        if connections[index].stage == .upgrading, !upgraded(index, &input) { return }
        let now = UInt64(pharos_monotonic_ns())
        // The reader's memory is in the slab; a copy would leave it with freed memory.
        while connections[index].stage != .closed {
            switch connections[index].reader.next(&input, limit: Self.messageLimit) {
            case .needMore: return
            case .text(let message), .binary(let message):
                if isPing(message) {
                    answerPing(index)
                } else if connections[index].stage == .subscribing {
                    confirm(index, message)
                } else {
                    deliver(index, message, now)
                }
            case .ping(let payload):
                var frame = ByteWriter()
                appendFrame(opcode: 0xA, Array(payload), into: &frame)
                sendSmall(index, frame.array)
            case .pong: break
            case .close(let code, let reason):
                let text = SubPrinter.printable(String(decoding: reason, as: UTF8.self))
                return ended(index, "closed by the server: \(code) \(text)")
            case .failure(let code): return ended(index, "the server broke the WebSocket protocol (\(code))")
            }
        }
    }

    private func isPing(_ message: UnsafeRawBufferPointer) -> Bool {
        guard plan.peer == .pharos else { return false }
        return switch plan.format {
        case .json: message.count == 2 && message[0] == UInt8(ascii: "{")
        case .protobuf: message.count == 1 && message[0] == 0
        }
    }

    private mutating func answerPing(_ index: Int) {
        var frame = ByteWriter()
        appendFrame(opcode: opcode, plan.format == .json ? Array("{}".utf8) : [0], into: &frame)
        sendSmall(index, frame.array)
    }

    mutating func ended(_ index: Int, _ why: String) {
        if connections[index].stage == .ready { lose(index, why) } else { fail(index, why) }
    }

    /// A connection that was ready is gone.
    mutating func lose(_ index: Int, _ why: String) {
        result.closedEarly += 1
        result.closeReason = why
        isBroken = true
        close(index)
    }

    /// Counts every marker of one message; several publications may stand in one.
    private mutating func deliver(_ index: Int, _ message: UnsafeRawBufferPointer, _ now: UInt64) {
        guard var cursor = message.baseAddress else { return }
        let end = cursor + message.count
        while end - cursor >= BenchMarker.size, let found = memchr(cursor, 0x7E, end - cursor) {
            let start = UnsafeRawPointer(found)
            guard end - start >= BenchMarker.size else { return }
            guard let marker = BenchMarker(start.assumingMemoryBound(to: UInt8.self)) else {
                cursor = start + 1
                continue
            }
            count(marker, index, now)
            cursor = start + BenchMarker.size
        }
    }

    private mutating func count(_ marker: BenchMarker, _ index: Int, _ now: UInt64) {
        let perConnection = plan.channelsPerConnection
        let first = index * perConnection % plan.channels
        let slot = (Int(marker.channel) - first + plan.channels) % plan.channels
        // Another bench on the same channels would show here too.
        guard Int(marker.channel) < plan.channels, slot < perConnection, marker.number < nextNumber else {
            result.foreign += 1
            return
        }
        switch tracks[index * perConnection + slot].received(marker.sequence) {
        case .duplicate:
            result.duplicates += 1
            return
        case .outOfOrder: result.outOfOrder += 1
        case .inOrder: break
        }
        result.delivered += 1
        result.latency.add(now > marker.sentAt ? now - marker.sentAt : 0)
        lastProgressNs = Int64(now)
        reached(marker.number)
    }
}
