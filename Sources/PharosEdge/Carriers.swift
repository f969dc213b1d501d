import PharosHTTP2

/// The state that an HTTP/2 connection has beside the connection itself.
///
/// Such a connection is called a carrier here: its streams are connections of their own.
struct CarrierState: ~Copyable {
    let session: HTTP2Session
    /// The slot of its newest stream; .max: none.
    var firstStream = UInt32.max
    var streamCount = 0
    /// The client has been told that the connection ends.
    var isDraining = false
    /// On the list of carriers that may have something to send.
    var isDirty = false

    init(_ session: consuming HTTP2Session) { self.session = session }
}

/// The state that a stream of HTTP/2 has beside the connection it is here.
struct CarriedState: BitwiseCopyable {
    struct Traits: OptionSet, BitwiseCopyable {
        let rawValue: UInt8
        /// The client has sent its last byte.
        static let hasEnded = Traits(rawValue: 1)
        /// The head of the answer is with the session.
        static let isAnswered = Traits(rawValue: 2)
        /// A WebSocket was asked for.
        static let asksForWebSocket = Traits(rawValue: 4)
        static let isWebSocket = Traits(rawValue: 8)
        /// The session has asked for output in vain, and waits to be told of some.
        static let isDeferred = Traits(rawValue: 16)
        /// Our last byte has been given out.
        static let hasSentAll = Traits(rawValue: 32)
        /// The session does not know the stream any more.
        static let isGone = Traits(rawValue: 64)
    }

    /// The slot of the connection that it is a stream of; .max: that has ended.
    var carrier: UInt32
    /// Its number there (RFC 9113, section 5.1.1).
    let stream: Int32
    /// Others of the same carrier.
    var next = UInt32.max
    var previous = UInt32.max
    /// Bytes that have come and are not acknowledged, so that fewer may follow.
    var unread: UInt32 = 0
    var traits: Traits = []
}

/// HTTP/2 connections and their streams, by their slots.
///
/// Nothing is allocated before the first one comes.
struct Carriers: ~Copyable {
    /// Valid for connections with the flag `isCarrier`.
    private(set) var states: UnsafeMutablePointer<UnsafeMutablePointer<CarrierState>>?
    /// Valid for those with `isCarried`.
    private(set) var streams: UnsafeMutablePointer<CarriedState>?
    /// Where sessions report to.
    ///
    /// In memory of its own, since they write to it while the edge is asked for output.
    let inbox: UnsafeMutablePointer<HTTP2Inbox>
    var count = 0
    var streamCount = 0
    /// WebSockets among the streams.
    var webSocketCount = 0
    /// Slots of carriers that may have something to send.
    var dirty: [UInt32] = []
    /// Slots of streams with output of this turn.
    var waiting: [UInt32] = []
    /// The carrier whose session is being asked for output.
    var current = UInt32.max
    /// That session had more than is sent at a time.
    var isPaused = false

    init() {
        inbox = .allocate(capacity: 1)
        inbox.initialize(to: HTTP2Inbox())
    }

    deinit {
        inbox.deinitialize(count: 1)
        inbox.deallocate()
        states?.deallocate()
        streams?.deallocate()
    }

    mutating func makeTables(capacity: Int) {
        guard states == nil else { return }
        states = .allocate(capacity: capacity)
        streams = .allocate(capacity: capacity)
    }
}
