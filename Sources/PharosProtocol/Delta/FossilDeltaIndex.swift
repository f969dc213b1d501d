/// The positions of each block of a base.
///
/// They are kept as hash chains over the blocks that begin at multiples of `stride`.
///
/// The memory of the base must outlive the index.
struct FossilDeltaIndex: ~Copyable {
    /// Bytes of one block: what is shorter is not found.
    static let window = 16
    /// Blocks that one look-up visits.
    ///
    /// It bounds the time spent on a base that repeats itself.
    static let visitLimit = 32

    private let stride: Int
    /// Bits of the hash that are left for the bucket.
    private let shift: UInt64
    /// The first block of each chain and the one after each block.
    ///
    /// Block numbers begin at 1; 0 ends a chain.
    private let heads: UnsafeMutableBufferPointer<UInt32>
    private let links: UnsafeMutableBufferPointer<UInt32>

    /// Indexes all of `base`, which must hold a block.
    init(_ base: UnsafeRawBufferPointer) {
        // A small base can afford more blocks, and then shorter runs are found.
        stride = base.count <= 8_192 ? 4 : FossilDeltaIndex.window
        let blocks = (base.count - FossilDeltaIndex.window) / stride + 1
        let bits = max(4, Int.bitWidth - (blocks - 1).leadingZeroBitCount)
        shift = UInt64(64 - bits)
        heads = .allocate(capacity: 1 << bits)
        heads.initialize(repeating: 0)
        links = .allocate(capacity: blocks)
        // From the last to the first, so that a chain begins with the lowest offset: the longest runs start there.
        for block in (0..<blocks).reversed() {
            let bucket = bucket(base, block * stride)
            links.initializeElement(at: block, to: heads[bucket])
            heads[bucket] = UInt32(truncatingIfNeeded: block + 1)
        }
    }

    deinit {
        heads.deallocate()
        links.deallocate()
    }

    /// The first block that may equal the block of `bytes` at `offset`.
    ///
    /// - Returns: its number; 0: there is none.
    @inline(__always)
    func firstBlock(like bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        heads[bucket(bytes, offset)]
    }

    @inline(__always)
    func nextBlock(after block: UInt32) -> UInt32 { links[Int(block) - 1] }

    @inline(__always)
    func offset(of block: UInt32) -> Int { (Int(block) - 1) * stride }

    /// The chain of the sixteen bytes at `offset`.
    ///
    /// They are two words; multiplying them anew costs less than rolling a hash over them byte by byte.
    @inline(__always)
    private func bucket(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> Int {
        let first = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let second = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
        var hash = (first &* 0x9E37_79B9_7F4A_7C15) &+ (second &* 0xC2B2_AE3D_27D4_EB4F)
        hash = (hash ^ (hash >> 32)) &* 0x9E37_79B9_7F4A_7C15
        return Int(hash >> shift)
    }
}
