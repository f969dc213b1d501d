package import PharosDomain

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads a text frame from a client.
///
/// It holds one or more commands, each a JSON object on a line of its own.
package enum JSONCommandDecoder {
    /// Appends the commands of `frame` to `commands`, in order.
    ///
    /// One newline separates commands and one more may end the frame; an empty line is malformed. `{}` becomes a command
    /// with id 0 and no request, which is a pong. Unknown fields are checked and ignored; of fields that come twice
    /// the last counts. Fields of type `bytes` keep the value's JSON text. A line that is JSON and has an id, but is not
    /// what its command has to be, becomes `Request.malformed`.
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
            let text = UnsafeRawBufferPointer(start: line, count: lineEnd - line)
            do throws(MalformedFrame) {
                var scanner = JSONScanner(text)
                let command = try scanner.message(Command.self)
                try scanner.finish()
                commands.append(command)
            } catch {
                guard let command = try? malformed(text, error) else { throw error }
                commands.append(command)
            }
            guard newline != nil else { return }
            line = lineEnd + 1
        }
    }

    /// The known parts of a command at fault.
    ///
    /// They are its id, and whether it was to be a connect.
    ///
    /// - Throws: if the line is no JSON object, or has no id that could be answered.
    private static func malformed(
        _ line: UnsafeRawBufferPointer, _ fault: MalformedFrame
    ) throws(MalformedFrame) -> Command {
        var scanner = JSONScanner(line)
        var command = Command(id: 0, request: nil)
        var request: MalformedRequest?
        try scanner.beginObject()
        while let field = try scanner.nextMember() {
            switch field {
            case "id": command.id = try scanner.integerField()
            case "connect":
                request = MalformedRequest(isConnect: true, reason: fault.reason)
                try scanner.skipDeepValue()
            default:
                if let name: FieldName = try? field.name(), Request.jsonNames.contains(name) {
                    request = MalformedRequest(isConnect: request?.isConnect ?? false, reason: fault.reason)
                }
                try scanner.skipDeepValue()
            }
        }
        try scanner.finish()
        guard command.id > 0, let request else { throw fault }
        command.request = .malformed(request)
        return command
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
        case .malformed: ""
        }
    }

    var isMalformed: Bool { if case .malformed = self { true } else { false } }

    /// Of all kinds.
    static let jsonNames: Set<FieldName> = [
        "connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "send",
        "rpc",
        "refresh", "sub_refresh",
    ]
}
