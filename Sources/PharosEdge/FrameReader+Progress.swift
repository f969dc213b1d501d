extension FrameReader {
    /// The state while a frame or a fragmented message is under way.
    ///
    /// An idle connection has none.
    struct Progress: BitwiseCopyable {
        /// The bytes of a header that has not arrived whole.
        private var headerBytes: (UInt64, UInt64) = (0, 0)
        private(set) var headerCount = 0
        /// The frame whose payload is being received; nil between frames.
        var frame: Header?
        /// Bytes of its payload received so far.
        var received = 0
        /// 1 text, 2 binary; 0: no message has begun.
        var messageOpcode: UInt8 = 0
        /// The message is compressed: its bytes mean nothing before all of them are there.
        var isCompressed = false
        /// The message was given to the caller, who is done with it at the next call.
        var isDelivered = false
        var text = UTF8Validator()
        var message = GrowingBytes()
        /// The payload of a control frame in pieces.
        ///
        /// It is kept apart, since the frame may come within a message.
        var control = GrowingBytes()

        /// Nothing in it is needed any more.
        var isIdle: Bool { headerCount == 0 && frame == nil && messageOpcode == 0 }

        /// Adds bytes from `input` until the header is whole.
        mutating func completeHeader(
            from input: inout UnsafeMutableRawBufferPointer, expectsMask: Bool, acceptsCompressed: Bool
        ) -> Header.Parsed {
            while let byte = input.first {
                input = UnsafeMutableRawBufferPointer(rebasing: input[1...])
                withUnsafeMutableBytes(of: &headerBytes) { $0[headerCount] = byte }
                headerCount += 1
                let parsed = withUnsafeBytes(of: &headerBytes) {
                    Header.parse(
                        UnsafeRawBufferPointer(rebasing: $0[..<headerCount]), expectsMask: expectsMask,
                        acceptsCompressed: acceptsCompressed)
                }
                if case .incomplete = parsed { continue }
                headerCount = 0
                return parsed
            }
            return .incomplete
        }
    }

    /// Bytes that grow with what arrives: at most twice as much memory as bytes.
    struct GrowingBytes: BitwiseCopyable {
        private var base: UnsafeMutableRawPointer?
        private(set) var count = 0
        private(set) var capacity = 0

        var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

        mutating func append(_ source: UnsafeRawBufferPointer) {
            guard let start = source.baseAddress, source.count > 0 else { return }
            if count + source.count > capacity {
                let wanted = max(2 * count, count + source.count)
                let grown = UnsafeMutableRawPointer.allocate(byteCount: wanted, alignment: 16)
                if let base {
                    grown.copyMemory(from: base, byteCount: count)
                    base.deallocate()
                }
                base = grown
                capacity = wanted
            }
            base?.advanced(by: count).copyMemory(from: start, byteCount: source.count)
            count += source.count
        }

        mutating func removeAll() { count = 0 }

        mutating func free() {
            base?.deallocate()
            self = GrowingBytes()
        }
    }
}
