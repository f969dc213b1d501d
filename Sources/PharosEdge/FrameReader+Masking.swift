extension FrameReader {
    /// Applies a mask in place, eight bytes at a time (RFC 6455, section 5.3).
    ///
    /// Masking and unmasking are the same.
    ///
    /// - Parameters:
    ///   - key: the first byte on the wire is the least significant.
    ///   - phase: how many bytes of the frame's payload come before `bytes`.
    @inline(__always)
    static func unmask(_ bytes: UnsafeMutableRawBufferPointer, key: UInt32, phase: Int) {
        guard key != 0, let base = bytes.baseAddress else { return }
        let shift = UInt32(truncatingIfNeeded: phase & 3) * 8
        let turned = key &>> shift | (shift == 0 ? 0 : key &<< (32 - shift))
        let wide = (UInt64(turned) << 32 | UInt64(turned)).littleEndian
        var offset = 0
        while offset + 8 <= bytes.count {
            let word = base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            base.storeBytes(of: word ^ wide, toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        var rest = turned
        while offset < bytes.count {
            let byte = base.load(fromByteOffset: offset, as: UInt8.self)
            base.storeBytes(of: byte ^ UInt8(truncatingIfNeeded: rest), toByteOffset: offset, as: UInt8.self)
            rest &>>= 8
            offset += 1
            if offset & 3 == 0 { rest = turned }
        }
    }
}
