/// SHA-2, by its length in bits.
package enum Digest: Int32, CaseIterable, Sendable {
    case sha256 = 256
    case sha384 = 384
    case sha512 = 512

    package var byteCount: Int { Int(rawValue) / 8 }
}
