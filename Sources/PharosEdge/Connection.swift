#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The identity of one connection: its slot and the slot's generation.
///
/// By the generation, a late message for an earlier connection in the same slot is noticed.
package struct ConnectionID: Hashable, Sendable {
    package let slot: UInt32
    package let generation: UInt32

    package init(slot: UInt32, generation: UInt32) {
        self.slot = slot
        self.generation = generation
    }

    package init(raw: UInt64) {
        slot = UInt32(truncatingIfNeeded: raw)
        generation = UInt32(truncatingIfNeeded: raw >> 32)
    }

    package var raw: UInt64 { UInt64(slot) | UInt64(generation) << 32 }
}

/// The state that the edge keeps for one connection.
///
/// It is kept small, since there are many and most are idle.
struct Connection: BitwiseCopyable {
    enum Phase: UInt8 {
        case free
        /// A request's head or body is being read.
        case request
        /// The head has arrived and is kept; the handler has yet to decide about it.
        case awaitingDecision
        /// The request is with the handler, maybe parked.
        ///
        /// Nothing is read until it has been answered.
        case awaitingResponse
        case webSocket
        /// An answer goes on in chunks; what comes in is thrown away.
        case streaming
        /// No socket: output is kept until somebody asks for it.
        case detached
        /// HTTP/2 is spoken: its streams are connections of their own.
        case http2
        /// The last bytes are on their way out; what comes in is thrown away.
        case closing

        /// Whether the handler may send messages, and is called for a slow reader.
        @inline(__always)
        var takesMessages: Bool { self == .webSocket || self == .streaming || self == .detached }
    }

    struct Flags: OptionSet, BitwiseCopyable {
        let rawValue: UInt32
        /// On the list of connections with output of this turn.
        static let isDirty = Flags(rawValue: 1)
        /// Waits for the socket to become writable.
        static let isBlocked = Flags(rawValue: 2)
        /// The bytes on the socket are encrypted: see `Edge+TLS`.
        static let isSecure = Flags(rawValue: 4)
        /// The handler knows the connection, and is to be called at its end.
        static let isKnown = Flags(rawValue: 8)
        /// The connection closes as soon as all is sent.
        ///
        /// The peer's close frame was seen, or there is nothing to wait for.
        static let closesWhenSent = Flags(rawValue: 16)
        /// On the list of connections whose output exceeds the limit.
        static let isSlow = Flags(rawValue: 32)
        /// A body is being read, so `needed` holds.
        ///
        /// While closing: the bytes that come in are no frames.
        static let readsBody = Flags(rawValue: 64)
        /// Reading has been paused.
        static let isPaused = Flags(rawValue: 128)
        /// After the last bytes only our half is closed.
        ///
        /// The peer's bytes are thrown away until it closes its own half. Closing at once would reset the connection
        /// while the peer still sends, and our last bytes would be lost.
        static let lingers = Flags(rawValue: 256)
        /// Output is only kept: there is nothing to send it to.
        static let isDetached = Flags(rawValue: 512)
        /// The head of an answer stands first in the queue.
        ///
        /// The output behind it is nothing without it.
        static let beginsWithHead = Flags(rawValue: 1_024)

        /// The queue may hold messages that can be dropped or replaced.
        static let hasTagged = Flags(rawValue: 2_048)
        /// Detached, with new output that has yet to be reported to the handler.
        static let hasArrived = Flags(rawValue: 4_096)
        /// The peer has gone, and what it said before has not been handed on yet.
        static let endsAfterInput = Flags(rawValue: 8_192)
        /// The request that is being answered is HTTP/1.0.
        ///
        /// Its answer has no chunks, and its connection stays only if it asked for that.
        static let isOldRequest = Flags(rawValue: 16_384)
        /// The request that is being answered is a HEAD.
        ///
        /// Its answer has no body (RFC 9110, section 9.3.2).
        static let answersHead = Flags(rawValue: 32_768)
        /// The connection's input has had its share of a turn.
        ///
        /// The rest is kept for the next turn, and nothing is read until then.
        static let isSetAside = Flags(rawValue: 65_536)

        /// Requests behind the one that is being answered may be handed on already.
        static let mayReadAhead = Flags(rawValue: 131_072)
        /// Several requests wait for answers: they are in the edge's `pipelined`.
        static let readsAhead = Flags(rawValue: 262_144)

        /// An HTTP/2 connection: see `Edge+Carriers`.
        static let isCarrier = Flags(rawValue: 524_288)
        /// A stream of an HTTP/2 connection, whose socket takes its output.
        static let isCarried = Flags(rawValue: 1_048_576)
        /// There has been a request, so HTTP/2 cannot begin any more.
        static let hasServed = Flags(rawValue: 2_097_152)

        @inline(__always)
        var hasSocket: Bool { isDisjoint(with: [.isDetached, .isCarried]) }
    }

    var descriptor: Int32 = -1
    var generation: UInt32 = 0
    var phase = Phase.free
    /// permessage-deflate: the bits of the window that was agreed on; 0: none.
    var compression: UInt8 = 0
    /// Output bytes waiting, at most about the limit plus one turn.
    var queuedBytes: UInt32 = 0
    var firstSegment = UInt32.max
    var lastSegment = UInt32.max
    /// Bytes of an unfinished request, or frames that came during a pause.
    ///
    /// nil while there are none.
    var partial: UnsafeMutablePointer<Partial>?
    /// A count whose meaning depends on the phase.
    ///
    /// For a request, the bytes that head and body take together; for a stream, the bytes of input that were ignored;
    /// for a detached connection, the bytes of the kept output that its reader has seen.
    var needed: UInt32 = 0
    var timerPrevious = UInt32.max
    var timerNext = UInt32.max
    var flags: Flags = []
    /// 0: no timer.
    var timerTick: UInt64 = 0
    /// While blocked: the millisecond in which the socket last took a byte.
    ///
    /// Of a detached connection: the position of the first byte that is kept.
    var progress: Int64 = 0
    var reader = FrameReader()
}

/// Bytes of a request that has not arrived whole; grows with what really arrived.
struct Partial {
    var count: Int
    var capacity: Int
    var bytes: UnsafeMutablePointer<UInt8>
    /// How far a body in chunks has been decoded; nil: no such body is being read.
    var chunks: ChunkedBody?
    /// Bytes of a body that are taken from the budget of all bodies.
    var budgeted = 0
    /// Whether the body's sender has shown a key.
    var isTrusted = false

    static func make(copying source: UnsafeRawBufferPointer) -> UnsafeMutablePointer<Partial> {
        let capacity = max(source.count, 512)
        let partial = UnsafeMutablePointer<Partial>.allocate(capacity: 1)
        partial.initialize(to: Partial(count: 0, capacity: capacity, bytes: .allocate(capacity: capacity)))
        partial.pointee.append(source)
        return partial
    }

    /// For whom `edge.free` is called instead: a part of a budget may go with it.
    fileprivate static func free(_ partial: UnsafeMutablePointer<Partial>) {
        partial.pointee.bytes.deallocate()
        partial.deallocate()
    }

    mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        if count + source.count > capacity {
            let wanted = max(capacity * 2, count + source.count)
            let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
            grown.update(from: bytes, count: count)
            bytes.deallocate()
            bytes = grown
            capacity = wanted
        }
        UnsafeMutableRawPointer(bytes + count).copyMemory(from: start, byteCount: source.count)
        count += source.count
    }

    mutating func removeFirst(_ number: Int) { close(0..<number) }

    /// Takes out some bytes; those behind them move up.
    mutating func close(_ gap: Range<Int>) {
        let rest = count - gap.upperBound
        if rest > 0, !gap.isEmpty {
            memmove(bytes + gap.lowerBound, bytes + gap.upperBound, rest)
        }
        count = gap.lowerBound + rest
    }
}

/// A piece of a connection's waiting output: a part of a shared block.
struct Segment: FreeListEntry {
    var block: BlockPointer
    var offset: UInt32
    var length: UInt32
    var next: UInt32
    var tag = MessageTag()

    var nextFree: UInt32 {
        get { next }
        set { next = newValue }
    }
}

extension Edge {
    /// Takes a body's growth from the budget of all bodies; false: no room.
    mutating func takeBudget(_ partial: UnsafeMutablePointer<Partial>, _ count: Int) -> Bool {
        guard let budget = configuration.bodyBudget else { return true }
        guard budget.take(count, isTrusted: partial.pointee.isTrusted) else { return false }
        partial.pointee.budgeted += count
        return true
    }

    func giveBackBudget(_ partial: UnsafeMutablePointer<Partial>) {
        guard partial.pointee.budgeted > 0 else { return }
        configuration.bodyBudget?.giveBack(partial.pointee.budgeted)
        partial.pointee.budgeted = 0
    }

    func free(_ partial: UnsafeMutablePointer<Partial>) {
        giveBackBudget(partial)
        Partial.free(partial)
    }
}
