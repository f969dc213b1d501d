import PharosEdge
import PharosProtocol

/// How a connection is spoken to, and how its messages are put on the transport.
struct Wire: Equatable, Sendable {
    /// Number in the table of dialects.
    var dialect: UInt8
    var framing: TransportFraming
    /// Bits of the compression's window that was agreed on, 9 to 15; 0 none.
    var windowBits: UInt8 = 0
    /// Of streams: the client speaks HTTP/1.0, so that nothing is put into chunks.
    var isUnchunked = false

    /// How a part of a stream is framed.
    var streamFraming: Framing { isUnchunked ? .bare : .chunk }
}

extension LaneKey {
    /// Where a connection reads publications that others get as well.
    init(_ wire: Wire, form: UInt8 = 0) {
        self.init(
            dialect: wire.dialect, form: form, framing: wire.framing, windowBits: wire.windowBits,
            isUnchunked: wire.isUnchunked)
    }

    /// The lane of readers whose conversations write their publications.
    ///
    /// It is one lane for all connections that are framed alike.
    init(ownBytesOf wire: Wire) {
        self.init(wire)
        hasOwnBytes = true
    }

    var streamFraming: Framing { isUnchunked ? .bare : .chunk }
}

extension DialectTable {
    /// How hooks and events name a connection's transport.
    func transportName(_ wire: Wire) -> String { transportName(wire.dialect, wire.framing) }
}
