package import CPharosHTTP2

/// The server's side of one HTTP/2 connection (RFC 9113) as a machine without IO.
///
/// Bytes and answers go in, events and bytes come out.
///
/// It knows streams by number. Each may be given a tag, which later events and the outlet name it by. One thread at a time.
package struct HTTP2Session: ~Copyable {
    private let pointer: OpaquePointer

    /// A client has connected. Nil: there is no memory.
    ///
    /// The first bytes that come are the client's preface; the first output is our settings.
    package init?(_ limits: HTTP2Limits) {
        var raw = pharos_http2_limits(
            max_streams: UInt32(limits.maxStreams), head_size_limit: UInt32(limits.headSizeLimit),
            max_resets: UInt32(limits.maxResets), max_control_frames: UInt32(limits.maxControlFrames),
            stream_window: UInt32(limits.streamWindow), connection_window: UInt32(limits.connectionWindow))
        guard let pointer = pharos_http2_make(&raw) else { return nil }
        self.pointer = pointer
    }

    deinit { pharos_http2_free(pointer) }

    /// Takes what has come, and reports what it means.
    ///
    /// - Returns: bytes that were taken. Fewer than given: call again, once the events have been looked at.
    package func receive(_ bytes: UnsafeRawBufferPointer, atMs now: Int64, _ inbox: inout HTTP2Inbox) -> Int {
        guard let start = bytes.baseAddress else { return 0 }
        return pharos_http2_receive(
            pointer, now, start.assumingMemoryBound(to: UInt8.self), bytes.count, &inbox.raw)
    }

    /// The next bytes to send, valid until the next call; empty: no others for now.
    ///
    /// Bodies go to the outlet instead, in their order among these bytes.
    package func nextOutput(
        _ outlet: inout pharos_http2_outlet, _ inbox: inout HTTP2Inbox
    ) -> UnsafeRawBufferPointer {
        var bytes: UnsafePointer<UInt8>?
        let count = pharos_http2_next_output(pointer, &outlet, &inbox.raw, &bytes)
        return UnsafeRawBufferPointer(start: bytes, count: count)
    }

    /// Why nothing more is to be received or sent; nil: that is not so.
    package var end: HTTP2End? { HTTP2End(state: pharos_http2_state(pointer)) }

    // MARK: Streams

    package func setTag(_ tag: UInt64, of stream: Int32) { pharos_http2_set_tag(pointer, stream, tag) }

    /// The stream's tag; 0: it has none, or is over.
    package func tag(of stream: Int32) -> UInt64 { pharos_http2_tag(pointer, stream) }

    /// The kind of head that an answer begins with.
    package enum HeadKind: Int32, Sendable {
        /// A body follows, by the outlet.
        case withBody = 0
        case withoutBody = 1
        /// A 1xx answer, with the real one to come.
        case interim = 2
    }

    /// Begins the answer to a request.
    ///
    /// - Parameter head: as HTTP/1.1 writes it. Fields about the connection are left out.
    /// - Returns: false when it is malformed or there is no memory.
    package func respond(_ stream: Int32, _ head: UnsafeRawBufferPointer, _ kind: HeadKind) -> Bool {
        guard let start = head.baseAddress else { return false }
        return pharos_http2_respond(
            pointer, stream, start.assumingMemoryBound(to: UInt8.self), head.count, kind.rawValue) == 1
    }

    /// There is more of a body after there was none.
    package func resume(_ stream: Int32) { pharos_http2_resume(pointer, stream) }

    /// Ends a stream at once, both ways.
    package func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
        pharos_http2_reset(pointer, stream, code.rawValue)
    }

    /// So many bytes of the stream's input have been read: as many more may come.
    package func consume(_ stream: Int32, _ count: Int) { pharos_http2_consume(pointer, stream, count) }

    // MARK: The end

    /// Asks the client to begin no further streams.
    ///
    /// Those that it begins until `finish` are served.
    package func announceEnd() { pharos_http2_announce_end(pointer) }

    /// Serves the streams that there are, and no others.
    package func finish() { pharos_http2_end(pointer) }
}

/// The reason for which a session has ended.
package enum HTTP2End: Int32, Sendable, CaseIterable {
    /// Without an error, by either side.
    case graceful = 1
    case protocolError = 2
    /// Too many streams were reset.
    case resetFlood = 3
    /// Too many frames that bring nothing, or that ask for answers.
    case controlFlood = 4
    /// A head in too many pieces.
    case continuationFlood = 5
    case noMemory = 6

    init?(state: Int32) { self.init(rawValue: state) }
}

/// Error codes that streams are ended with here (RFC 9113, section 7).
package enum HTTP2ErrorCode: UInt32, Sendable {
    case noError = 0
    case internalError = 2
    case refusedStream = 7
    case cancel = 8
}
