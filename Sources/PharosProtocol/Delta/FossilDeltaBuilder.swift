import PharosBytes

/// Finds the parts that a target shares with its base.
///
/// It writes them and the others as the segments of the delta.
///
/// Messages that follow one another mostly differ in one part, so the common beginning and end are taken first. Only
/// what remains in between is looked up, block by block.
struct FossilDeltaBuilder {
    private let base: UnsafeRawBufferPointer
    private let target: UnsafeRawBufferPointer
    /// The target up to here is in segments.
    private var written = 0

    init(base: UnsafeRawBufferPointer, target: UnsafeRawBufferPointer) {
        self.base = base
        self.target = target
    }

    /// A run of bytes that target and base share.
    private struct Run {
        var targetOffset = 0
        var baseOffset = 0
        var length = 0
    }

    mutating func appendSegments(into writer: inout ByteWriter) {
        let shorter = min(base.count, target.count)
        let prefix = commonLength(0, 0, limit: shorter)
        let suffix = commonLengthBackward(base.count, target.count, limit: shorter - prefix)
        _ = copy(Run(targetOffset: 0, baseOffset: 0, length: prefix), into: &writer)
        appendMiddle(from: prefix, to: target.count - suffix, into: &writer)
        let start = max(written, target.count - suffix)
        let length = target.count - start
        _ = copy(Run(targetOffset: start, baseOffset: base.count - length, length: length), into: &writer)
        insert(upTo: target.count, into: &writer)
    }

    /// Looks up each position between `start` and `end` that no run covers yet.
    private mutating func appendMiddle(from start: Int, to end: Int, into writer: inout ByteWriter) {
        let window = FossilDeltaIndex.window
        guard base.count >= window, end - start >= window / 2 else { return }
        let index = FossilDeltaIndex(base)
        var position = start
        while position < end, position + window <= target.count {
            if let run = longestRun(around: position, index), copy(run, into: &writer) {
                position = max(written, position + 1)
            } else {
                position += 1
            }
        }
    }

    /// The longest run through the block of the target at `position`.
    ///
    /// Its time is paid for by the length of the run found.
    private func longestRun(around position: Int, _ index: borrowing FossilDeltaIndex) -> Run? {
        var longest: Run?
        var block = index.firstBlock(like: target, position)
        var visits = 0
        while block != 0, visits < FossilDeltaIndex.visitLimit {
            let offset = index.offset(of: block)
            let forward = commonLength(offset, position, limit: min(base.count - offset, target.count - position))
            if forward >= FossilDeltaIndex.window {
                let backward = commonLengthBackward(offset, position, limit: min(offset, position - written))
                if forward + backward > longest?.length ?? 0 {
                    longest = Run(
                        targetOffset: position - backward, baseOffset: offset - backward, length: forward + backward)
                }
            }
            block = index.nextBlock(after: block)
            visits += 1
        }
        return longest
    }

    /// Writes a run and what is before it, if that is shorter than inserting it.
    private mutating func copy(_ run: Run, into writer: inout ByteWriter) -> Bool {
        let run = trimmed(run)
        // The copy takes two bytes besides its numbers, and an insert that it cuts in halves needs a second beginning.
        let size = FossilDelta.width(run.length) + FossilDelta.width(run.baseOffset) + 2
        guard run.length > size + FossilDelta.width(target.count) + 1 else { return false }
        insert(upTo: run.targetOffset, into: &writer)
        writer.appendDeltaNumber(UInt32(truncatingIfNeeded: run.length))
        writer.append(UInt8(ascii: "@"))
        writer.appendDeltaNumber(UInt32(truncatingIfNeeded: run.baseOffset))
        writer.append(UInt8(ascii: ","))
        written = run.targetOffset + run.length
        return true
    }

    /// The run from the first to the last whole character.
    ///
    /// The rest of a cut character would be no text in an insert.
    private func trimmed(_ run: Run) -> Run {
        var run = run
        var trims = 0
        while run.length > 0, trims < 3, isInsideCharacter(run.targetOffset) {
            run.targetOffset += 1
            run.baseOffset += 1
            run.length -= 1
            trims += 1
        }
        trims = 0
        while run.length > 0, trims < 3, isInsideCharacter(run.targetOffset + run.length) {
            run.length -= 1
            trims += 1
        }
        return run
    }

    @inline(__always)
    private func isInsideCharacter(_ offset: Int) -> Bool {
        offset < target.count && target[offset] & 0xC0 == 0x80
    }

    private mutating func insert(upTo end: Int, into writer: inout ByteWriter) {
        guard end > written else { return }
        writer.appendDeltaNumber(UInt32(truncatingIfNeeded: end - written))
        writer.append(UInt8(ascii: ":"))
        writer.append(UnsafeRawBufferPointer(rebasing: target[written..<end]))
        written = end
    }

    /// How many bytes are the same from these offsets on.
    private func commonLength(_ baseOffset: Int, _ targetOffset: Int, limit: Int) -> Int {
        var length = 0
        while length + 8 <= limit {
            let one = base.loadUnaligned(fromByteOffset: baseOffset + length, as: UInt64.self)
            let other = target.loadUnaligned(fromByteOffset: targetOffset + length, as: UInt64.self)
            guard one == other else { return length + (one ^ other).littleEndian.trailingZeroBitCount >> 3 }
            length += 8
        }
        while length < limit, base[baseOffset + length] == target[targetOffset + length] { length += 1 }
        return length
    }

    /// How many bytes are the same before these offsets.
    private func commonLengthBackward(_ baseOffset: Int, _ targetOffset: Int, limit: Int) -> Int {
        var length = 0
        while length + 8 <= limit {
            let one = base.loadUnaligned(fromByteOffset: baseOffset - length - 8, as: UInt64.self)
            let other = target.loadUnaligned(fromByteOffset: targetOffset - length - 8, as: UInt64.self)
            guard one == other else { return length + (one ^ other).littleEndian.leadingZeroBitCount >> 3 }
            length += 8
        }
        while length < limit, base[baseOffset - length - 1] == target[targetOffset - length - 1] { length += 1 }
        return length
    }
}
