#if canImport(Glibc)
    import Glibc
#endif

/// A run of bytes shared by many connections' output.
///
/// It counts its references, without atomics: it belongs to one shard.
///
/// The header stands in front of the bytes in the same allocation.
struct Block {
    var references: UInt32
    var count: UInt32
    var capacity: UInt32
    /// Which free list of the pool it returns to; 255: none, it is freed.
    var sizeClass: UInt32

    static var headerSize: Int { MemoryLayout<Block>.size }
}

typealias BlockPointer = UnsafeMutablePointer<Block>

extension UnsafeMutablePointer where Pointee == Block {
    @inline(__always)
    var bytes: UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(self).advanced(by: Block.headerSize).assumingMemoryBound(to: UInt8.self)
    }

    @inline(__always)
    var room: Int { Int(pointee.capacity) - Int(pointee.count) }

    /// Copies `source` behind the bytes already there; the caller has checked `room`.
    @inline(__always)
    func append(_ source: UnsafeRawBufferPointer) {
        guard let start = source.baseAddress, source.count > 0 else { return }
        memcpy(bytes + Int(pointee.count), start, source.count)
        pointee.count += UInt32(source.count)
    }
}

/// Blocks of a few sizes, kept for reuse so that a publication costs no `malloc`.
///
/// One shard's; not thread-safe.
struct BlockPool: ~Copyable {
    private static let sizes = (512, 4_096, 32_768)
    private static let kept = (64, 64, 16)

    private var small: BlockPointer?
    private var medium: BlockPointer?
    private var large: BlockPointer?
    private var counts = (0, 0, 0)
    /// Bytes of the blocks that are taken.
    private(set) var bytesInUse = 0

    init() {}

    deinit {
        BlockPool.free(list: small)
        BlockPool.free(list: medium)
        BlockPool.free(list: large)
    }

    /// A block with one reference and room for at least `capacity` bytes.
    mutating func take(capacity: Int) -> BlockPointer {
        let block = find(capacity: capacity)
        bytesInUse += Int(block.pointee.capacity)
        return block
    }

    private mutating func find(capacity: Int) -> BlockPointer {
        if capacity <= BlockPool.sizes.0 {
            if let block = BlockPool.pop(&small) { counts.0 -= 1; return block }
            return BlockPool.make(capacity: BlockPool.sizes.0, sizeClass: 0)
        }
        if capacity <= BlockPool.sizes.1 {
            if let block = BlockPool.pop(&medium) { counts.1 -= 1; return block }
            return BlockPool.make(capacity: BlockPool.sizes.1, sizeClass: 1)
        }
        if capacity <= BlockPool.sizes.2 {
            if let block = BlockPool.pop(&large) { counts.2 -= 1; return block }
            return BlockPool.make(capacity: BlockPool.sizes.2, sizeClass: 2)
        }
        return BlockPool.make(capacity: capacity, sizeClass: 255)
    }

    mutating func retain(_ block: BlockPointer) { block.pointee.references += 1 }

    mutating func release(_ block: BlockPointer) {
        block.pointee.references -= 1
        guard block.pointee.references == 0 else { return }
        bytesInUse -= Int(block.pointee.capacity)
        switch block.pointee.sizeClass {
        case 0 where counts.0 < BlockPool.kept.0:
            BlockPool.push(block, &small)
            counts.0 += 1
        case 1 where counts.1 < BlockPool.kept.1:
            BlockPool.push(block, &medium)
            counts.1 += 1
        case 2 where counts.2 < BlockPool.kept.2:
            BlockPool.push(block, &large)
            counts.2 += 1
        default:
            UnsafeMutableRawPointer(block).deallocate()
        }
    }

    private static func make(capacity: Int, sizeClass: UInt32) -> BlockPointer {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: Block.headerSize + capacity, alignment: MemoryLayout<UInt64>.alignment)
        let block = raw.bindMemory(to: Block.self, capacity: 1)
        block.initialize(to: Block(references: 1, count: 0, capacity: UInt32(capacity), sizeClass: sizeClass))
        return block
    }

    /// A free block's first bytes hold the address of the next one.
    private static func push(_ block: BlockPointer, _ list: inout BlockPointer?) {
        UnsafeMutableRawPointer(block.bytes).storeBytes(of: list, as: BlockPointer?.self)
        list = block
    }

    private static func pop(_ list: inout BlockPointer?) -> BlockPointer? {
        guard let block = list else { return nil }
        list = UnsafeMutableRawPointer(block.bytes).load(as: BlockPointer?.self)
        block.pointee.references = 1
        block.pointee.count = 0
        return block
    }

    private static func free(list: BlockPointer?) {
        var next = list
        while let block = next {
            next = UnsafeMutableRawPointer(block.bytes).load(as: BlockPointer?.self)
            UnsafeMutableRawPointer(block).deallocate()
        }
    }
}
