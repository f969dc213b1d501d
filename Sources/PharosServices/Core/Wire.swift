import PharosEdge
import PharosProtocol

/// How a session's messages are put on its connection.
struct Wire: Equatable, Sendable {
    enum Carrier: UInt8 {
        case webSocket
        /// Chunks of an HTTP answer, as they are.
        case httpStream
        /// Server-sent events, each one message of the protocol.
        case eventStream
        /// Kept until a poll asks for it.
        case poll
        /// Server-sent events for plain `EventSource`s: no protocol, one event per publication.
        case events
        /// A WebSocket without our protocol. Its `format` tells whether publications name their channel: `.protobuf` does.
        case raw
        /// Server-sent events without names for raw paths; `format` as above.
        case rawEvents

        var isRaw: Bool { self == .raw || self == .rawEvents }
    }

    var format: WireFormat
    var carrier = Carrier.webSocket
    /// Window of the compression agreed on, 9 to 15 bits; 0: none.
    var windowBits: UInt8 = 0
    /// Of streams: the client speaks HTTP/1.0, so nothing is put into chunks.
    var isUnchunked = false

    /// How a part of a stream is framed.
    var streamFraming: Framing { isUnchunked ? .bare : .chunk }

    /// Whether the connection ends with a close frame; elsewhere the reason must be a message.
    var hasCloseFrame: Bool { carrier == .webSocket }
}

/// How one subscriber of a channel reads it: subscribers with the same lane share the same bytes.
struct Lane: Equatable, Sendable {
    enum Delta: UInt8 {
        case none
        /// Asked for deltas and has nothing yet that one could be applied to.
        case fresh
        case following
    }

    var wire: Wire
    var receivesJoinLeave = false
    var delta = Delta.none
    /// Every subscriber gets an id of its own with each event, since it reads several channels.
    var hasOwnIDs = false

    var number: UInt16 {
        (wire.format == .json ? 0 : 1) | UInt16(wire.carrier.rawValue) << 1 | (receivesJoinLeave ? 16 : 0)
            | UInt16(delta.rawValue) << 5 | (hasOwnIDs ? 128 : 0) | UInt16(wire.windowBits) << 8
            | (wire.isUnchunked ? 4_096 : 0)
    }

    init(wire: Wire, receivesJoinLeave: Bool = false, delta: Delta = .none) {
        self.wire = wire
        self.receivesJoinLeave = receivesJoinLeave
        self.delta = delta
    }

    /// - Parameter number: that of another lane.
    init(number: UInt16) {
        guard let carrier = Wire.Carrier(rawValue: UInt8(number >> 1 & 7)),
            let delta = Delta(rawValue: UInt8(number >> 5 & 3))
        else { preconditionFailure("no lane has this number") }
        wire = Wire(
            format: number & 1 == 0 ? .json : .protobuf, carrier: carrier, windowBits: UInt8(number >> 8 & 15),
            isUnchunked: number & 4_096 != 0)
        receivesJoinLeave = number & 16 != 0
        self.delta = delta
        hasOwnIDs = number & 128 != 0
    }
}

extension Wire.Carrier {
    /// Its name in hooks and events.
    var name: String {
        switch self {
        case .webSocket: "websocket"
        case .httpStream: "http_stream"
        case .eventStream: "sse"
        case .poll: "poll"
        case .events: "events"
        case .raw, .rawEvents: "raw"
        }
    }
}
