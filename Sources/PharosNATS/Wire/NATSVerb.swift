/// The word that begins a line of the server.
///
/// Upper and lower case are the same (NATS client protocol).
package enum NATSVerb: String, Equatable, Sendable, CaseIterable {
    case message = "MSG"
    case messageWithHeaders = "HMSG"
    case ping = "PING"
    case pong = "PONG"
    case ok = "+OK"
    case error = "-ERR"
    case info = "INFO"

    /// The verb that `word` spells; nil for any other word.
    init?(_ word: UnsafeRawBufferPointer) {
        guard 3...4 ~= word.count else { return nil }
        var packed: UInt32 = 0
        for byte in word { packed = packed << 8 | UInt32(NATSVerb.upperCase(byte)) }
        switch packed {
        case 0x4D_5347: self = .message
        case 0x484D_5347: self = .messageWithHeaders
        case 0x5049_4E47: self = .ping
        case 0x504F_4E47: self = .pong
        case 0x2B_4F4B: self = .ok
        case 0x2D45_5252: self = .error
        case 0x494E_464F: self = .info
        default: return nil
        }
    }

    private static func upperCase(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte ? byte & 0xDF : byte
    }
}
