import PharosProtocol
import PharosBytes
import PharosDomain

/// The properties of the protocol's decoders for any input.
///
/// Each function says which property is violated, or nil.
///
/// Shared by the fuzzers and by the tests that replay their corpora.
package enum CodecProperties {
    /// Protobuf that decodes is encoded and decoded to the same again.
    ///
    /// That holds for commands and for messages of a server. Refused parts of a command have an id that can be
    /// answered, and a stream of length-prefixed messages says the same whole and in two pieces.
    package static func protobuf(_ input: UnsafeRawBufferPointer) -> String? {
        if let all = protobufCommands(input) {
            guard all.allSatisfy({ !$0.isMalformed || $0.id > 0 }) else { return "a fault that nobody hears of" }
            let commands = wellFormed(all)
            var writer = ByteWriter()
            for command in commands { ProtobufCommandEncoder.encode(command, into: &writer) }
            guard commands.isEmpty || writer.withBytes({ protobufCommands($0) }) == commands else {
                return "commands changed on the way"
            }
        }
        if let messages = try? ProtobufReplyDecoder.decode(input), !messages.isEmpty {
            var writer = ByteWriter()
            for message in messages { encodeProtobuf(message, into: &writer) }
            let again = writer.withBytes { try? ProtobufReplyDecoder.decode($0) }
            guard again == messages else { return "server messages changed on the way" }
        }
        return delimitedStream(input)
    }

    /// JSON that decodes is encoded and decoded to the same again.
    ///
    /// A payload loses carriage returns when it is encoded, so with one of those in the input only the second round has
    /// to be the same.
    package static func json(_ input: UnsafeRawBufferPointer) -> String? {
        if let all = jsonCommands(input) {
            guard all.allSatisfy({ !$0.isMalformed || $0.id > 0 }) else { return "a fault that nobody hears of" }
            let commands = wellFormed(all)
            guard let second = recode(commands) else { return "own encoding of commands does not decode" }
            if !input.contains(0x0D), second != commands { return "commands changed on the way" }
            guard recode(second) == second else { return "commands changed on the second way" }
        }
        if let messages = try? JSONReplyDecoder.decode(input), !messages.isEmpty {
            guard let second = recode(messages) else { return "own encoding of server messages does not decode" }
            if !input.contains(0x0D), second != messages { return "server messages changed on the way" }
            guard recode(second) == second else { return "server messages changed on the second way" }
        }
        return nil
    }

    private static func protobufCommands(_ input: UnsafeRawBufferPointer) -> [Command]? {
        var commands: [Command] = []
        do { try ProtobufCommandDecoder.decode(input, into: &commands) } catch { return nil }
        return commands
    }

    private static func encodeProtobuf(_ message: ServerMessage, into writer: inout ByteWriter) {
        switch message {
        case .ping: ProtobufReplyEncoder.encodePing(into: &writer)
        case .reply(let reply): ProtobufReplyEncoder.encode(reply, into: &writer)
        case .push(let push): ProtobufReplyEncoder.encode(push, into: &writer)
        }
    }

    private static func jsonCommands(_ input: UnsafeRawBufferPointer) -> [Command]? {
        var commands: [Command] = []
        do { try JSONCommandDecoder.decode(input, into: &commands) } catch { return nil }
        return commands
    }

    private static func wellFormed(_ commands: [Command]) -> [Command] { commands.filter { !$0.isMalformed } }

    private static func recode(_ commands: [Command]) -> [Command]? {
        if commands.isEmpty { return [] }
        var writer = ByteWriter()
        for (index, command) in commands.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: "\n")) }
            JSONCommandEncoder.encode(command, into: &writer)
        }
        return writer.withBytes { jsonCommands($0) }
    }

    private static func recode(_ messages: [ServerMessage]) -> [ServerMessage]? {
        var writer = ByteWriter()
        for (index, message) in messages.enumerated() {
            if index > 0 { writer.append(UInt8(ascii: "\n")) }
            switch message {
            case .ping: JSONReplyEncoder.encodePing(into: &writer)
            case .reply(let reply): JSONReplyEncoder.encode(reply, into: &writer)
            case .push(let push): JSONReplyEncoder.encode(push, into: &writer)
            }
        }
        return writer.withBytes { try? JSONReplyDecoder.decode($0) }
    }

    /// The first byte says where the stream is cut, the second is the limit.
    private static func delimitedStream(_ input: UnsafeRawBufferPointer) -> String? {
        guard input.count > 2 else { return nil }
        let limit = Int(input[1]) + 1
        let stream = input[2...]
        let cut = stream.startIndex + Int(input[0]) % (stream.count + 1)
        let whole = drain([stream], limit: limit)
        guard drain([stream[..<cut], stream[cut...]], limit: limit) == whole else {
            return "a cut stream says something else"
        }
        return whole.messages.allSatisfy { $0.count <= limit } ? nil : "a message beyond the limit"
    }

    private struct StreamOutcome: Equatable {
        var messages: [[UInt8]] = []
        var error: DelimitedFrameError?
        var held = 0
    }

    private static func drain(_ pieces: [Slice<UnsafeRawBufferPointer>], limit: Int) -> StreamOutcome {
        var decoder = DelimitedFrameDecoder(maximumMessageSize: limit)
        var outcome = StreamOutcome()
        do {
            for piece in pieces {
                decoder.feed(piece)
                while let message = try decoder.next() { outcome.messages.append(message) }
            }
        } catch {
            outcome.error = error
        }
        outcome.held = decoder.heldBytes
        return outcome
    }
}

extension Command {
    fileprivate var isMalformed: Bool { if case .malformed? = request { true } else { false } }
}
