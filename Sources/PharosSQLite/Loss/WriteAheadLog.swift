import Glibc

/// The end of a commit in a write-ahead log.
///
/// It is the header of its last frame, whose checksum is over all bytes before it.
struct LogEnd: Equatable {
    /// Counted from 1; 0: nothing was committed to a log.
    var frames: UInt32 = 0
    var salt1: UInt32 = 0
    var salt2: UInt32 = 0
    var checksum1: UInt32 = 0
    var checksum2: UInt32 = 0
}

/// SQLite's write-ahead log, read without SQLite.
///
/// See its file format, sections 4.1 to 4.4.
struct WriteAheadLog: ~Copyable {
    enum Finding: Equatable {
        /// Every byte up to the given end is as it was written.
        case whole
        /// There is no log, or an empty one.
        case missing
        case damagedHeader
        /// Another generation than the one that was asked for.
        case otherGeneration
        /// The log ends before this frame, or the frame is not as it was written.
        case damagedFrame(UInt32)
    }

    private static let headerSize = 32
    private static let frameHeaderSize = 24
    private let file: Int32

    /// nil: there is none.
    init?(path: String) {
        file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
    }

    deinit { close(file) }

    /// The end of the frame with this number, as the frame says.
    ///
    /// Nothing else is looked at.
    func end(ofFrame frame: UInt32, pageSize: Int = 4_096) -> LogEnd? {
        guard frame > 0 else { return nil }
        let position =
            WriteAheadLog.headerSize + (Int(frame) - 1) * (pageSize + WriteAheadLog.frameHeaderSize)
        return withUnsafeTemporaryAllocation(byteCount: WriteAheadLog.frameHeaderSize, alignment: 8) { header in
            guard pread(file, header.baseAddress, header.count, off_t(position)) == header.count else { return nil }
            return LogEnd(
                frames: frame, salt1: header.number(at: 8), salt2: header.number(at: 12),
                checksum1: header.number(at: 16), checksum2: header.number(at: 20))
        }
    }

    /// Whether the log holds all that was committed up to `end`.
    ///
    /// SQLite will take at least that much of it.
    static func look(at path: String, upTo end: LogEnd) -> Finding {
        guard let log = WriteAheadLog(path: path) else { return .missing }
        return log.look(upTo: end)
    }

    private func look(upTo end: LogEnd) -> Finding {
        let header = UnsafeMutableRawBufferPointer.allocate(byteCount: WriteAheadLog.headerSize, alignment: 8)
        defer { header.deallocate() }
        let count = pread(file, header.baseAddress, header.count, 0)
        if count == 0 { return .missing }
        guard count == header.count, header.number(at: 0) & ~1 == 0x377f_0682, header.number(at: 4) == 3_007_000
        else { return .damagedHeader }
        let pageSize = Int(header.number(at: 8))
        guard (512...65_536).contains(pageSize), pageSize & (pageSize - 1) == 0 else { return .damagedHeader }
        var sum = LogChecksum(isBigEndian: header.number(at: 0) & 1 == 1)
        sum.add(UnsafeRawBufferPointer(rebasing: header[..<24]))
        guard sum.first == header.number(at: 24), sum.second == header.number(at: 28) else { return .damagedHeader }
        let salts = (header.number(at: 16), header.number(at: 20))
        guard salts == (end.salt1, end.salt2) else { return .otherGeneration }
        return frames(upTo: end, pageSize, sum)
    }

    private func frames(upTo end: LogEnd, _ pageSize: Int, _ headerSum: LogChecksum) -> Finding {
        var sum = headerSum
        let size = pageSize + WriteAheadLog.frameHeaderSize
        let perRead = max(262_144 / size, 1)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: perRead * size, alignment: 8)
        defer { buffer.deallocate() }
        var number: UInt32 = 0
        var position = WriteAheadLog.headerSize
        while number < end.frames {
            let wanted = min(perRead, Int(end.frames - number)) * size
            let count = pread(file, buffer.baseAddress, wanted, off_t(position))
            guard count >= size else { return .damagedFrame(number + 1) }
            position += count / size * size
            for start in stride(from: 0, to: count / size * size, by: size) {
                number += 1
                let frame = UnsafeRawBufferPointer(rebasing: buffer[start..<start + size])
                sum.add(UnsafeRawBufferPointer(rebasing: frame[..<8]))
                sum.add(UnsafeRawBufferPointer(rebasing: frame[WriteAheadLog.frameHeaderSize...]))
                guard frame.number(at: 8) == end.salt1, frame.number(at: 12) == end.salt2,
                    frame.number(at: 0) != 0, sum.first == frame.number(at: 16), sum.second == frame.number(at: 20)
                else { return .damagedFrame(number) }
            }
        }
        // An older copy of the log may be whole and end elsewhere.
        guard end.frames == 0 || (sum.first, sum.second) == (end.checksum1, end.checksum2) else {
            return .damagedFrame(number)
        }
        return .whole
    }
}

/// The running checksum over a log's header and frames.
private struct LogChecksum {
    let isBigEndian: Bool
    private(set) var first: UInt32 = 0
    private(set) var second: UInt32 = 0

    init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

    /// - Parameter bytes: a multiple of eight.
    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var (one, two) = (first, second)
        var index = 0
        while index < bytes.count {
            let left = bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)
            let right = bytes.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self)
            one = one &+ (isBigEndian ? UInt32(bigEndian: left) : UInt32(littleEndian: left)) &+ two
            two = two &+ (isBigEndian ? UInt32(bigEndian: right) : UInt32(littleEndian: right)) &+ one
            index += 8
        }
        (first, second) = (one, two)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func number(at offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func number(at offset: Int) -> UInt32 { UnsafeRawBufferPointer(self).number(at: offset) }
}
