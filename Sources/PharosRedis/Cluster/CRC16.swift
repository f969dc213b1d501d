/// The checksum that Redis Cluster hashes keys with: CRC-16/XMODEM.
///
/// Polynomial 0x1021, initial value 0, nothing reflected; 0x31C3 of "123456789" (cluster specification, appendix A).
enum CRC16 {
    private static let table: [UInt16] = (0..<256).map { index in
        (0..<8).reduce(UInt16(index) << 8) { value, _ in
            value & 0x8000 == 0 ? value << 1 : value << 1 ^ 0x1021
        }
    }

    static func checksum(_ bytes: some Sequence<UInt8>) -> UInt16 {
        var value: UInt16 = 0
        for byte in bytes { value = value << 8 ^ table[Int(value >> 8 ^ UInt16(byte))] }
        return value
    }
}
