import PharosCrypto

/// A key of NATS: an Ed25519 key pair, written in base32 with a checksum.
///
/// By the format of github.com/nats-io/nkeys: a prefix that says what the key is for, the key, and two bytes of CRC-16.
struct NKey: Sendable {
    enum Fault: Error, CustomStringConvertible {
        case malformed

        var description: String { "engine.nats.nkey_seed: not the seed of an nkey, which begins with S" }
    }

    private let key: PrivateKey
    /// As the server's configuration has it, for example `UDXU4RCS…`.
    let publicText: String

    /// Reads a seed such as `SUACSSL3…`.
    init(seed text: String) throws(Fault) {
        guard let bytes = NKey.decode(text), bytes.count == 36, bytes[0] & 0xf8 == 18 << 3 else { throw .malformed }
        let body = Array(bytes[..<34])
        guard NKey.checksum(body) == UInt16(bytes[34]) | UInt16(bytes[35]) << 8,
            let key = PrivateKey(ed25519: Array(body[2...])), let point = key.publicKey.point
        else { throw .malformed }
        self.key = key
        // The purpose stands in the last three bits of the first byte and the first five of the second.
        let purpose = (bytes[0] & 7) << 5 | bytes[1] >> 3
        let open = [purpose] + point
        let sum = NKey.checksum(open)
        publicText = NKey.encode(open + [UInt8(sum & 255), UInt8(sum >> 8)])
    }

    /// The signature of a server's nonce, in base64 of the URL alphabet.
    ///
    /// Without padding.
    func sign(_ nonce: String) -> String {
        // OpenSSL signs with Ed25519 whatever the digest: it has its own.
        let signature = key.signature(for: Array(nonce.utf8), .sha512) ?? []
        return NKey.base64(signature)
    }

    // MARK: Forms

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    private static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var (buffer, bits) = (0, 0)
        for character in text.utf8 {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            buffer = buffer << 5 | value
            bits += 5
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(buffer >> bits & 255))
                buffer &= (1 << bits) - 1
            }
        }
        return bytes
    }

    private static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var (buffer, bits) = (0, 0)
        for byte in bytes {
            buffer = buffer << 8 | Int(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[buffer >> bits & 31])
                buffer &= (1 << bits) - 1
            }
        }
        if bits > 0 { text.append(alphabet[buffer << (5 - bits) & 31]) }
        return String(decoding: text, as: UTF8.self)
    }

    /// CRC-16 with the polynomial 0x1021 and no inversion (XMODEM).
    private static func checksum(_ bytes: [UInt8]) -> UInt16 {
        bytes.reduce(0) { crc, byte in
            (0..<8).reduce(crc ^ UInt16(byte) << 8) { crc, _ in crc & 0x8000 != 0 ? crc << 1 ^ 0x1021 : crc << 1 }
        }
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var text: [UInt8] = []
        var (buffer, bits) = (0, 0)
        for byte in bytes {
            buffer = buffer << 8 | Int(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(alphabet[buffer >> bits & 63])
                buffer &= (1 << bits) - 1
            }
        }
        if bits > 0 { text.append(alphabet[buffer << (6 - bits) & 63]) }
        return String(decoding: text, as: UTF8.self)
    }
}
