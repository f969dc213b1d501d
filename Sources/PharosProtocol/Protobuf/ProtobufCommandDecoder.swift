package import PharosDomain

/// Reads what clients send in Protobuf: length-prefixed commands back to back.
///
/// Fields that we do not know are skipped. Of a field that comes twice the last one counts, but a command with two
/// payloads is malformed. Which commands need an id or a channel is for the session to say. A command whose own fields
/// can be followed and that has an id, but whose content is not what it has to be, becomes `Request.malformed`.
package enum ProtobufCommandDecoder {
    /// The most commands in one frame; more are malformed.
    ///
    /// An empty command is one byte on the wire, its value is not.
    package static let maximumCommandsPerFrame = 8_192

    /// Appends the commands of one frame, in order.
    ///
    /// On an error `commands` is as it was before.
    package static func decode(
        _ frame: UnsafeRawBufferPointer, into commands: inout [Command]
    ) throws(MalformedFrame) {
        let before = commands.count
        do throws(MalformedFrame) {
            var reader = ProtobufReader(frame)
            repeat {
                guard commands.count - before < maximumCommandsPerFrame else {
                    throw ProtobufReader.malformed("too many commands in one frame")
                }
                let message = ProtobufReader(try reader.delimited())
                do throws(MalformedFrame) {
                    commands.append(try command(message))
                } catch {
                    commands.append(try malformed(message, error))
                }
            } while !reader.isAtEnd
        } catch {
            commands.removeSubrange(before...)
            throw error
        }
    }

    private static func command(_ message: ProtobufReader) throws(MalformedFrame) -> Command {
        var reader = message
        var command = Command(id: 0, request: nil)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: command.id = try reader.uint32(field)
            case 4...15:
                guard command.request == nil else { throw ProtobufReader.malformed("two payloads in one command") }
                command.request = try request(field, ProtobufRequestReader(try reader.message(field)))
            default: try reader.skip(field)
            }
        }
        return command
    }

    /// The known parts of a command at fault.
    ///
    /// They are its id, and whether it was to be a connect.
    private static func malformed(
        _ message: ProtobufReader, _ fault: MalformedFrame
    ) throws(MalformedFrame) -> Command {
        var reader = message
        var command = Command(id: 0, request: nil)
        var request: MalformedRequest?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: command.id = try reader.uint32(field)
            case 4...15:
                let isConnect = field.number == 4 || request?.isConnect == true
                request = MalformedRequest(isConnect: isConnect, reason: fault.reason)
                try reader.skip(field)
            default: try reader.skip(field)
            }
        }
        guard command.id > 0, let request else { throw fault }
        command.request = .malformed(request)
        return command
    }

    private static func request(
        _ field: ProtobufReader.Field, _ payload: ProtobufRequestReader
    ) throws(MalformedFrame) -> Request {
        switch field.number {
        case 4: .connect(try payload.connect())
        case 5: .subscribe(try payload.subscribe())
        case 6: .unsubscribe(channel: try payload.name(number: 1))
        case 7: .publish(try payload.publish())
        case 8: .presence(channel: try payload.name(number: 1))
        case 9: .presenceStats(channel: try payload.name(number: 1))
        case 10: .history(try payload.history())
        case 11: try payload.ping()
        case 12: .send(data: try payload.send())
        case 13: try payload.rpc()
        case 14: .refresh(token: try payload.text(number: 1))
        default: .subRefresh(try payload.subRefresh())
        }
    }
}
