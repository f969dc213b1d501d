package import PharosDomain

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads a text frame from a client: one or more commands, each a JSON object on a line of its own.
package enum JSONCommandDecoder {
    /// Appends the commands of `frame` to `commands`, in order.
    ///
    /// One newline separates commands and one more may end the frame; an empty line is malformed. `{}` becomes a command
    /// with id 0 and no request, which is a pong. Unknown fields are checked and ignored; of fields that come twice
    /// the last counts. Fields of type `bytes` keep the value's JSON text.
    /// - Throws: when the frame is malformed. The commands before the malformed one have been appended then.
    package static func decode(
        _ frame: UnsafeRawBufferPointer, into commands: inout [Command]
    ) throws(MalformedFrame) {
        guard let start = frame.baseAddress, !frame.isEmpty else { throw MalformedFrame(reason: "empty frame") }
        var line = start
        let end = start + frame.count
        // JSON strings hold no raw newline, so that each one separates.
        while line < end {
            let newline = memchr(line, 0x0A, end - line)
            let lineEnd = newline.map { UnsafeRawPointer($0) } ?? end
            var scanner = JSONScanner(UnsafeRawBufferPointer(start: line, count: lineEnd - line))
            let command = try scanner.message(Command.self)
            try scanner.finish()
            commands.append(command)
            guard newline != nil else { return }
            line = lineEnd + 1
        }
    }
}

extension Command: JSONMessage {
    static var withoutFields: Command { Command(id: 0, request: nil) }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        let next: Request
        switch field {
        case "id":
            id = try scanner.integerField()
            return
        case "connect": next = .connect(try scanner.message())
        case "subscribe": next = .subscribe(try scanner.message())
        case "unsubscribe": next = .unsubscribe(channel: try scanner.message(JSONChannelOnly.self).channel)
        case "publish": next = .publish(try scanner.message())
        case "presence": next = .presence(channel: try scanner.message(JSONChannelOnly.self).channel)
        case "presence_stats": next = .presenceStats(channel: try scanner.message(JSONChannelOnly.self).channel)
        case "history": next = .history(try scanner.message())
        case "ping":
            _ = try scanner.message(JSONEmpty.self)
            next = .ping
        case "send": next = .send(data: try scanner.message(JSONMethodCall.self).data)
        case "rpc":
            let call = try scanner.message(JSONMethodCall.self)
            next = .rpc(method: call.method, data: call.data)
        case "refresh": next = .refresh(token: try scanner.message(JSONTokenOnly.self).token)
        case "sub_refresh": next = .subRefresh(try scanner.message())
        default:
            try scanner.skipValue()
            return
        }
        if let request, request.jsonName != next.jsonName {
            throw MalformedFrame(reason: "two requests in one command")
        }
        request = next
    }
}

extension Request {
    /// The request's field in a command, and its result's in a reply.
    var jsonName: String {
        switch self {
        case .connect: "connect"
        case .subscribe: "subscribe"
        case .unsubscribe: "unsubscribe"
        case .publish: "publish"
        case .presence: "presence"
        case .presenceStats: "presence_stats"
        case .history: "history"
        case .ping: "ping"
        case .send: "send"
        case .rpc: "rpc"
        case .refresh: "refresh"
        case .subRefresh: "sub_refresh"
        }
    }
}
