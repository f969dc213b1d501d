package import PharosBytes
package import PharosDomain
package import PharosProtocol

/// A dialect with its client's side, for `DialectConformance`.
package protocol DialectUnderTest: Sendable {
    var dialect: any ClientDialect { get }
    /// Transports over which it is spoken.
    var framings: [TransportFraming] { get }
    /// One command of each kind that a client can say in it.
    var commands: [Command] { get }
    /// Messages that no client says.
    var malformed: [[UInt8]] { get }
    /// One message of each kind that the client reads as it was said.
    var answers: [ServerMessage] { get }
    /// Forms for shared lanes, with a channel's publications.
    var forms: [UInt8] { get }

    /// Appends one message of a client.
    func write(_ command: Command, into writer: inout ByteWriter)

    /// Reads one message of the server as a client does.
    func read(_ message: [UInt8]) throws -> [ServerMessage]

    /// A connection whose client has connected and reads the channel `news`.
    func speaker(over framing: TransportFraming) throws -> DialectSpeaker
}

extension DialectUnderTest {
    package var forms: [UInt8] { [0] }

    package func message(_ command: Command) -> [UInt8] {
        var writer = ByteWriter()
        write(command, into: &writer)
        return writer.array
    }

    package func speaker(over framing: TransportFraming) throws -> DialectSpeaker {
        var request = ConversationRequest()
        request.framing = framing
        return try DialectSpeaker(dialect, request)
    }
}
