/// Base64 of RFC 4648, both alphabets, canonical texts only.
///
/// Strict, because two texts that decode to the same signature would be two spellings of one token.
package enum Base64 {
    /// `standard` demands padding, `url` forbids it (RFC 7515 §2).
    package enum Alphabet: Sendable {
        case standard
        case url
    }

    /// nil unless `text` is exactly what `encode` would have written.
    package static func decode(_ text: some Collection<UInt8>, _ alphabet: Alphabet) -> [UInt8]? {
        var body = text[...]
        if alphabet == .standard {
            guard text.count % 4 == 0 else { return nil }
            var padding = 0
            while padding < 2, let last = lastByte(of: body), last == UInt8(ascii: "=") {
                body = body.dropLast()
                padding += 1
            }
            guard (4 - body.count % 4) % 4 == padding else { return nil }
        }
        guard body.count % 4 != 1 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(body.count / 4 * 3 + 2)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in body {
            guard let value = value(of: byte, alphabet) else { return nil }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
            buffer &= 0xFFFF
        }
        let rest = buffer & ((1 << UInt32(bits)) - 1)
        return rest == 0 ? result : nil
    }

    package static func encode(_ bytes: some Collection<UInt8>, _ alphabet: Alphabet) -> String {
        let digits = digits(of: alphabet)
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes {
            buffer = (buffer & 0x3F) << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(digits[Int(buffer >> UInt32(bits) & 0x3F)])
            }
        }
        if bits > 0 { text.append(digits[Int(buffer << UInt32(6 - bits) & 0x3F)]) }
        if alphabet == .standard {
            while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func lastByte<Bytes: Collection<UInt8>>(of bytes: Bytes) -> UInt8? {
        guard !bytes.isEmpty else { return nil }
        return bytes[bytes.index(bytes.startIndex, offsetBy: bytes.count - 1)]
    }

    private static func digits(of alphabet: Alphabet) -> [UInt8] {
        let common = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return Array((common + (alphabet == .url ? "-_" : "+/")).utf8)
    }

    private static func value(of byte: UInt8, _ alphabet: Alphabet) -> UInt8? {
        switch byte {
        case 0x41...0x5A: byte - 0x41
        case 0x61...0x7A: byte - 0x61 + 26
        case 0x30...0x39: byte - 0x30 + 52
        case UInt8(ascii: "-") where alphabet == .url: 62
        case UInt8(ascii: "_") where alphabet == .url: 63
        case UInt8(ascii: "+") where alphabet == .standard: 62
        case UInt8(ascii: "/") where alphabet == .standard: 63
        default: nil
        }
    }
}
