package import PharosProtocol

/// Messages out of the bytes of a link, whatever pieces they come in.
package struct TopicFrameReader {
    private var buffer: [UInt8] = []
    private var start = 0
    /// A message may be as long until the peer has proven itself.
    package var limit: Int

    package init(limit: Int = TopicFrame.limit) { self.limit = limit }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.count <= 1 << 20)
            start = 0
        } else if start > 1 << 20 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next whole message that this version knows; nil: there is none yet.
    ///
    /// - Throws: `MalformedFrame` for one that is too long or is none.
    package mutating func next() throws(MalformedFrame) -> TopicFrame? {
        while buffer.count - start >= 4 {
            var length = 0
            for index in 0..<4 { length = length << 8 | Int(buffer[start + index]) }
            guard length <= limit else { throw MalformedFrame(reason: "a message of \(length) bytes") }
            guard buffer.count - start >= 4 + length else { return nil }
            let content = start + 4..<start + 4 + length
            let result = buffer.withUnsafeBytes { bytes in
                Result { () throws(MalformedFrame) in
                    try TopicFrame.decode(UnsafeRawBufferPointer(rebasing: bytes[content]))
                }
            }
            start = content.upperBound
            if let frame = try result.get() { return frame }
        }
        return nil
    }
}
