import PharosBytes
import PharosDomain
import PharosProtocol

/// Text in, values out, for the tests of the JSON codecs.
enum Wire {
    static func isValid(_ text: String) -> Bool { isValid(Array(text.utf8)) }

    static func isValid(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { JSONScanner.isValid($0) } }

    static func commands(_ frame: String) throws -> [Command] { try commands(Array(frame.utf8)) }

    static func commands(_ frame: [UInt8]) throws -> [Command] {
        var commands: [Command] = []
        try frame.withUnsafeBytes { bytes in
            try JSONCommandDecoder.decode(bytes, into: &commands)
        }
        return commands
    }

    static func messages(_ frame: String) throws -> [ServerMessage] {
        try Array(frame.utf8).withUnsafeBytes { bytes in try JSONReplyDecoder.decode(bytes) }
    }

    static func text(_ write: (inout ByteWriter) -> Void) -> String {
        var writer = ByteWriter()
        write(&writer)
        return String(decoding: writer.array, as: UTF8.self)
    }

    static func text(_ reply: Reply) -> String { text { JSONReplyEncoder.encode(reply, into: &$0) } }

    static func text(_ push: Push) -> String { text { JSONReplyEncoder.encode(push, into: &$0) } }

    static func text(_ command: Command) -> String { text { JSONCommandEncoder.encode(command, into: &$0) } }

    static func text(_ result: Result<APIResult, ReplyError>) -> String {
        text { APIResultEncoder.encode(result, into: &$0) }
    }

    static func api(_ method: MethodName, _ body: String) throws -> APIRequest {
        try Array(body.utf8).withUnsafeBytes { bytes in
            try APIRequestDecoder.decode(method: method, body: bytes)
        }
    }

    static func apiEnvelope(_ body: String) throws -> APIRequest {
        try Array(body.utf8).withUnsafeBytes { bytes in
            try APIRequestDecoder.decodeEnvelope(bytes)
        }
    }
}

/// The bytes of a text, for payloads.
func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }
