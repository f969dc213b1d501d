/// SHA-1 (RFC 3174), for the WebSocket handshake alone.
///
/// There it proves nothing about the identity of a sender.
package enum SHA1 {
    /// Twenty bytes as five numbers, the most significant byte of each first.
    package struct Digest: Equatable, Sendable {
        fileprivate(set) var words: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
            0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0
        )

        package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

        /// The twenty bytes; valid inside `body` only.
        package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
            let ordered = (
                words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian, words.4.bigEndian
            )
            return withUnsafeBytes(of: ordered) { body($0) }
        }
    }

    package static func digest(of bytes: UnsafeRawBufferPointer) -> Digest {
        var digest = Digest()
        let wholeBlocks = bytes.count / 64
        for block in 0..<wholeBlocks {
            add(UnsafeRawBufferPointer(rebasing: bytes[block * 64..<block * 64 + 64]), to: &digest)
        }
        let rest = bytes[(wholeBlocks * 64)...]
        // Padding: a one bit, zeros, and the length in bits as the last eight bytes of a block.
        withUnsafeTemporaryAllocation(byteCount: 128, alignment: 8) { padded in
            padded.initializeMemory(as: UInt8.self, repeating: 0)
            padded.copyBytes(from: rest)
            padded[rest.count] = 0x80
            let size = rest.count < 56 ? 64 : 128
            padded.storeBytes(of: (UInt64(bytes.count) * 8).bigEndian, toByteOffset: size - 8, as: UInt64.self)
            for start in stride(from: 0, to: size, by: 64) {
                add(UnsafeRawBufferPointer(rebasing: padded[start..<start + 64]), to: &digest)
            }
        }
        return digest
    }

    private static func add(_ block: UnsafeRawBufferPointer, to digest: inout Digest) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { schedule in
            for index in 0..<16 {
                schedule[index] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
            }
            for index in 16..<80 {
                let mixed = schedule[index - 3] ^ schedule[index - 8] ^ schedule[index - 14] ^ schedule[index - 16]
                schedule[index] = rotate(mixed, by: 1)
            }
            var (a, b, c, d, e) = digest.words
            for index in 0..<80 {
                let (mixed, constant): (UInt32, UInt32) =
                    switch index {
                    case 0..<20: (b & c | ~b & d, 0x5A82_7999)
                    case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                    case 40..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                    default: (b ^ c ^ d, 0xCA62_C1D6)
                    }
                let next = rotate(a, by: 5) &+ mixed &+ e &+ constant &+ schedule[index]
                (a, b, c, d, e) = (next, a, rotate(b, by: 30), c, d)
            }
            digest.words.0 &+= a
            digest.words.1 &+= b
            digest.words.2 &+= c
            digest.words.3 &+= d
            digest.words.4 &+= e
        }
    }

    @inline(__always)
    private static func rotate(_ word: UInt32, by count: UInt32) -> UInt32 {
        word &<< count | word &>> (32 - count)
    }
}
