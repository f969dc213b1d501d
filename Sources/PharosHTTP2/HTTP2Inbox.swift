import CPharosHTTP2

/// The place that sessions of one thread report into, one after the other.
package struct HTTP2Inbox: ~Copyable {
    var raw = pharos_http2_inbox()

    package init() {}

    deinit {
        var raw = raw
        pharos_http2_inbox_free(&raw)
    }

    package var count: Int { raw.count }

    /// RST_STREAM frames that have come.
    package var resets: UInt64 { raw.resets }
    /// Requests that were withdrawn in the read in which they came.
    ///
    /// They are not reported.
    package var withdrawn: UInt64 { raw.withdrawn }
    /// Requests that exceeded the number of streams.
    package var refused: UInt64 { raw.refused }

    package subscript(index: Int) -> HTTP2Event {
        let event = raw.events[index]
        let kind: HTTP2Event.Kind =
            switch Int(event.kind) {
            case PHAROS_HTTP2_HEAD: .head(HTTP2HeadTraits(rawValue: event.flags))
            case PHAROS_HTTP2_DATA: .data(UnsafeRawBufferPointer(start: event.bytes, count: event.count))
            case PHAROS_HTTP2_END: .end
            case PHAROS_HTTP2_CLOSED: .closed(code: event.code)
            case PHAROS_HTTP2_SENT: .sent
            default: .none
            }
        return HTTP2Event(kind: kind, stream: event.stream, tag: event.tag)
    }

    /// The text of the head that an event is about, valid until `removeAll`.
    package func text(of index: Int) -> UnsafeRawBufferPointer {
        let event = raw.events[index]
        guard let text = raw.text, event.count > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: text + event.offset, count: event.count)
    }

    /// Forgets the events and heads; what was counted stays.
    package mutating func removeAll() { pharos_http2_inbox_clear(&raw) }
}
