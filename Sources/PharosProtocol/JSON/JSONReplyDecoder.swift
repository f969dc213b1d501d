import PharosDomain

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads a text frame from a server, for clients and tests.
package enum JSONReplyDecoder {
    /// The messages of `frame`, in order.
    ///
    /// Lines as in `JSONCommandDecoder`; `{}` is a ping.
    package static func decode(_ frame: UnsafeRawBufferPointer) throws(MalformedFrame) -> [ServerMessage] {
        guard let start = frame.baseAddress, !frame.isEmpty else { throw MalformedFrame(reason: "empty frame") }
        var messages: [ServerMessage] = []
        var line = start
        let end = start + frame.count
        while line < end {
            let newline = memchr(line, 0x0A, end - line)
            let lineEnd = newline.map { UnsafeRawPointer($0) } ?? end
            var scanner = JSONScanner(UnsafeRawBufferPointer(start: line, count: lineEnd - line))
            let envelope = try scanner.message(JSONReplyEnvelope.self)
            try scanner.finish()
            messages.append(try envelope.message())
            guard newline != nil else { break }
            line = lineEnd + 1
        }
        return messages
    }
}

/// The fields of a reply before it is known what they make together.
private struct JSONReplyEnvelope: JSONMessage {
    private var id: UInt32 = 0
    private var result: Reply.Result?
    private var push: Push?

    static var withoutFields: JSONReplyEnvelope { JSONReplyEnvelope() }

    func message() throws(MalformedFrame) -> ServerMessage {
        switch (result, push) {
        case (let result?, nil): return .reply(Reply(id: id, result: result))
        case (nil, let push?): return .push(push)
        case (nil, nil) where id == 0: return .ping
        case (nil, nil): throw MalformedFrame(reason: "reply without a result")
        default: throw MalformedFrame(reason: "two results in one reply")
        }
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "id": id = try scanner.integerField()
        case "push": push = try scanner.message(JSONPushEnvelope.self).push()
        case "error": try set(.error(scanner.message()))
        case "connect": try set(.connect(scanner.message()))
        case "subscribe": try set(.subscribe(scanner.message()))
        case "unsubscribe":
            _ = try scanner.message(JSONEmpty.self)
            try set(.unsubscribe)
        case "publish":
            _ = try scanner.message(JSONEmpty.self)
            try set(.publish)
        case "presence": try set(.presence(scanner.message(JSONPresence.self).clients))
        case "presence_stats":
            let stats = try scanner.message(JSONPresenceStats.self)
            try set(.presenceStats(clients: stats.clients, users: stats.users))
        case "history":
            let history = try scanner.message(JSONHistory.self)
            try set(.history(publications: history.publications, top: history.top))
        case "ping":
            _ = try scanner.message(JSONEmpty.self)
            try set(.ping)
        case "rpc": try set(.rpc(data: scanner.message(JSONPayload.self).data))
        case "refresh": try set(.refresh(scanner.message()))
        case "sub_refresh":
            let lifetime = try scanner.message(RefreshResult.self)
            try set(.subRefresh(expires: lifetime.expires, ttl: lifetime.ttl))
        default: try scanner.skipValue()
        }
    }

    private mutating func set(_ result: Reply.Result) throws(MalformedFrame) {
        guard self.result == nil else { throw MalformedFrame(reason: "two results in one reply") }
        self.result = result
    }
}

/// The fields of a push before it is known what happened.
private struct JSONPushEnvelope: JSONMessage {
    private var channel: ChannelName = ""
    private var event: Push.Event?

    static var withoutFields: JSONPushEnvelope { JSONPushEnvelope() }

    func push() throws(MalformedFrame) -> Push {
        guard let event else { throw MalformedFrame(reason: "push without an event") }
        return Push(channel: channel, event: event)
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channel": channel = try scanner.stringField()
        case "pub":
            let pushed = try scanner.message(JSONPushedPublication.self)
            try set(.publication(pushed.publication, epoch: pushed.epoch))
        case "join": try set(.join(scanner.message(JSONPresenceChange.self).info))
        case "leave": try set(.leave(scanner.message(JSONPresenceChange.self).info))
        case "unsubscribe":
            let end = try scanner.message(JSONEnd.self)
            try set(.unsubscribe(UnsubscribeReason(code: end.code, reason: end.reason)))
        case "message": try set(.message(data: scanner.message(JSONPayload.self).data))
        case "subscribe": try set(.subscribe(scanner.message()))
        case "connect": try set(.connect(scanner.message()))
        case "disconnect":
            let end = try scanner.message(JSONEnd.self)
            try set(.disconnect(Disconnect(code: end.code, reason: end.reason)))
        case "refresh":
            let lifetime = try scanner.message(RefreshResult.self)
            try set(.refresh(expires: lifetime.expires, ttl: lifetime.ttl))
        default: try scanner.skipValue()
        }
    }

    private mutating func set(_ event: Push.Event) throws(MalformedFrame) {
        guard self.event == nil else { throw MalformedFrame(reason: "two events in one push") }
        self.event = event
    }
}
