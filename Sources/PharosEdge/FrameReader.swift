/// The inbound side of one WebSocket connection (RFC 6455, section 5).
///
/// Bytes go in, messages and control frames come out. Small and trivially movable, so that it can stand in a slab:
/// memory is held through one pointer, and only while a frame or a message is incomplete.
///
/// Call `release` before a reader is dropped. Not thread-safe.
package struct FrameReader: BitwiseCopyable {
    /// The result of a read.
    ///
    /// Pointers are valid until the next call of the same reader.
    package enum Event {
        /// All input is consumed.
        case needMore
        /// A whole message, valid UTF-8.
        case text(UnsafeRawBufferPointer)
        case binary(UnsafeRawBufferPointer)
        case ping(UnsafeRawBufferPointer)
        case pong(UnsafeRawBufferPointer)
        /// 1005: the frame had no code. Whatever comes afterwards is thrown away.
        case close(code: UInt16, reason: UnsafeRawBufferPointer)
        /// The peer broke the protocol: 1002, 1007 or 1009.
        ///
        /// Whatever comes afterwards is thrown away.
        case failure(closeCode: UInt16)
    }

    private var progress: UnsafeMutablePointer<Progress>?
    private let expectsMask: Bool
    /// After permessage-deflate was agreed on.
    private var acceptsCompressed = false
    /// After a close frame or a failure.
    private var isFinished = false
    /// Messages are no longer of interest, only the peer's close frame.
    private var discards = false

    /// A server's reader: frames must be masked.
    package init() { self.init(expectsMask: true) }

    /// Makes a reader at the start of a connection's frames.
    ///
    /// - Parameter expectsMask: true on a server; false on a client, which must refuse masked frames (section 5.1).
    package init(expectsMask: Bool) { self.expectsMask = expectsMask }

    /// From now on messages may be compressed, and each call needs an inflater.
    ///
    /// For a reader that has not read yet.
    package mutating func acceptCompressed() { acceptsCompressed = true }

    /// Ignores messages from now on.
    ///
    /// They are neither kept nor decompressed nor reported: for a connection that only waits for its end.
    package mutating func discardMessages() {
        guard !discards else { return }
        discards = true
        guard let progress else { return }
        // Delivered payloads are freed by the next call.
        if !progress.pointee.isDelivered { progress.pointee.message.free() }
    }

    /// Bytes of memory held for what has not arrived whole.
    package var heldBytes: Int {
        guard let progress else { return 0 }
        return MemoryLayout<Progress>.size + progress.pointee.message.capacity + progress.pointee.control.capacity
    }

    /// Frees all memory; afterwards the reader is as it was before it read anything.
    package mutating func release() {
        freeProgress()
        isFinished = false
        discards = false
    }

    /// Reads on until there is an event.
    ///
    /// It consumes bytes from the front of `input`, which is unmasked in place.
    ///
    /// A frame that lies in `input` whole and is a message by itself is not copied. Otherwise the parts are, into
    /// memory that grows with what arrives, never with the length announced.
    ///
    /// - Parameter limit: bytes of one message; a frame that would exceed it fails with 1009 before its payload is read.
    package mutating func next(_ input: inout UnsafeMutableRawBufferPointer, limit: Int) -> Event {
        precondition(!acceptsCompressed, "what may be compressed is read with an inflater")
        return read(&input, limit: limit, nil)
    }

    /// Like the other `next`, for a connection that may send compressed messages too.
    ///
    /// Compressed bytes are kept as they are until a message is whole, so the inflater can be shared: by any number of
    /// readers of the same thread. Text is validated after decompressing.
    ///
    /// - Parameters:
    ///   - limit: as above, of the compressed bytes, and of the message decompressed.
    ///   - inflater: where a compressed message lies when it is returned.
    package mutating func next(
        _ input: inout UnsafeMutableRawBufferPointer, limit: Int, inflater: inout MessageInflater
    ) -> Event {
        withUnsafeMutablePointer(to: &inflater) { read(&input, limit: limit, $0) }
    }

    private mutating func read(
        _ input: inout UnsafeMutableRawBufferPointer, limit: Int, _ inflater: UnsafeMutablePointer<MessageInflater>?
    ) -> Event {
        if let progress, progress.pointee.isDelivered || isFinished { freeProgress() }
        while !isFinished {
            if let progress, let frame = progress.pointee.frame {
                if let event = continuePayload(of: frame, progress, &input, limit, inflater) { return event }
                if progress.pointee.frame != nil { return .needMore }
                continue
            }
            switch takeHeader(&input) {
            case .incomplete:
                if let progress, progress.pointee.isIdle { freeProgress() }
                return .needMore
            case .invalid:
                return fail(1002)
            case .complete(let frame):
                if let code = refusal(of: frame, limit: limit) { return fail(code) }
                if let event = beginPayload(of: frame, &input, limit, inflater) { return event }
            }
        }
        input = UnsafeMutableRawBufferPointer(rebasing: input[input.count...])
        return .needMore
    }

    private mutating func takeHeader(_ input: inout UnsafeMutableRawBufferPointer) -> Header.Parsed {
        guard !input.isEmpty else { return .incomplete }
        if let progress, progress.pointee.headerCount > 0 {
            return progress.pointee.completeHeader(
                from: &input, expectsMask: expectsMask, acceptsCompressed: acceptsCompressed)
        }
        let parsed = Header.parse(
            UnsafeRawBufferPointer(input), expectsMask: expectsMask, acceptsCompressed: acceptsCompressed)
        switch parsed {
        case .complete(let frame):
            input = UnsafeMutableRawBufferPointer(rebasing: input[frame.size...])
            return parsed
        case .incomplete:
            return ensureProgress().pointee.completeHeader(
                from: &input, expectsMask: expectsMask, acceptsCompressed: acceptsCompressed)
        case .invalid:
            return parsed
        }
    }

    /// Why a frame may not come now: the rules that one header alone does not tell.
    private func refusal(of frame: Header, limit: Int) -> UInt16? {
        guard !frame.isControl else { return nil }
        let isContinuation = frame.opcode == 0
        let messageHasBegun = progress.map { $0.pointee.messageOpcode != 0 } ?? false
        guard isContinuation == messageHasBegun else { return 1002 }
        let earlier = progress.map { $0.pointee.message.count } ?? 0
        return frame.length > limit - earlier ? 1009 : nil
    }

    /// The payload of a frame whose header has just been read; nil: no event yet.
    private mutating func beginPayload(
        of frame: Header, _ input: inout UnsafeMutableRawBufferPointer, _ limit: Int,
        _ inflater: UnsafeMutablePointer<MessageInflater>?
    ) -> Event? {
        if frame.length <= input.count, frame.isControl || frame.isFinal && frame.opcode != 0 {
            let payload = takePayload(frame.length, of: frame, phase: 0, &input)
            if frame.isControl { return controlEvent(frame.opcode, payload) }
            if discards { return nil }
            if frame.isCompressed { return inflate(payload, isText: frame.opcode == 1, limit, inflater) }
            guard frame.opcode == 1 else { return .binary(payload) }
            return UTF8Validator.isValid(payload) ? .text(payload) : fail(1007)
        }
        let progress = ensureProgress()
        if frame.isControl {
            progress.pointee.control.removeAll()
        } else if frame.opcode != 0 {
            progress.pointee.messageOpcode = frame.opcode
            progress.pointee.isCompressed = frame.isCompressed
        }
        progress.pointee.frame = frame
        progress.pointee.received = 0
        return nil
    }

    /// Takes what has arrived of a payload that is collected; nil: no event yet.
    private mutating func continuePayload(
        of frame: Header, _ progress: UnsafeMutablePointer<Progress>, _ input: inout UnsafeMutableRawBufferPointer,
        _ limit: Int, _ inflater: UnsafeMutablePointer<MessageInflater>?
    ) -> Event? {
        let received = progress.pointee.received
        let count = min(frame.length - received, input.count)
        let part = takePayload(count, of: frame, phase: received, &input)
        progress.pointee.received = received + count
        let isWhole = received + count == frame.length
        if isWhole { progress.pointee.frame = nil }
        if frame.isControl {
            progress.pointee.control.append(part)
            return isWhole ? controlEvent(frame.opcode, progress.pointee.control.bytes) : nil
        }
        if discards {
            if isWhole, frame.isFinal { progress.pointee.messageOpcode = 0 }
            return nil
        }
        let isText = progress.pointee.messageOpcode == 1
        let isCompressed = progress.pointee.isCompressed
        if isText, !isCompressed, !progress.pointee.text.append(part) { return fail(1007) }
        progress.pointee.message.append(part)
        guard isWhole, frame.isFinal else { return nil }
        progress.pointee.isDelivered = true
        if isCompressed { return inflate(progress.pointee.message.bytes, isText: isText, limit, inflater) }
        guard isText else { return .binary(progress.pointee.message.bytes) }
        return progress.pointee.text.isComplete ? .text(progress.pointee.message.bytes) : fail(1007)
    }

    /// The event of a compressed message that is whole.
    private mutating func inflate(
        _ payload: UnsafeRawBufferPointer, isText: Bool, _ limit: Int,
        _ inflater: UnsafeMutablePointer<MessageInflater>?
    ) -> Event {
        guard let inflater else { preconditionFailure("a reader that accepts compressed messages has an inflater") }
        switch inflater.pointee.inflate(payload, limit: limit) {
        case .failure(let code): return fail(code)
        case .message(let message):
            guard isText else { return .binary(message) }
            return UTF8Validator.isValid(message) ? .text(message) : fail(1007)
        }
    }

    private func takePayload(
        _ count: Int, of frame: Header, phase: Int, _ input: inout UnsafeMutableRawBufferPointer
    ) -> UnsafeRawBufferPointer {
        let part = UnsafeMutableRawBufferPointer(rebasing: input[..<count])
        input = UnsafeMutableRawBufferPointer(rebasing: input[count...])
        FrameReader.unmask(part, key: frame.mask, phase: phase)
        return UnsafeRawBufferPointer(part)
    }

    private mutating func controlEvent(_ opcode: UInt8, _ payload: UnsafeRawBufferPointer) -> Event {
        switch opcode {
        case 0x9: return .ping(payload)
        case 0xA: return .pong(payload)
        default: break
        }
        guard !payload.isEmpty else {
            isFinished = true
            return .close(code: 1005, reason: payload)
        }
        guard payload.count >= 2 else { return fail(1002) }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard FrameReader.maySend(closeCode: code) else { return fail(1002) }
        let reason = UnsafeRawBufferPointer(rebasing: payload[2...])
        guard UTF8Validator.isValid(reason) else { return fail(1007) }
        isFinished = true
        return .close(code: code, reason: reason)
    }

    /// Whether a peer may put this code into a close frame.
    ///
    /// See section 7.4; 1012 to 1014 by the registry.
    package static func maySend(closeCode: UInt16) -> Bool {
        switch closeCode {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    private mutating func fail(_ code: UInt16) -> Event {
        freeProgress()
        isFinished = true
        return .failure(closeCode: code)
    }

    private mutating func ensureProgress() -> UnsafeMutablePointer<Progress> {
        if let progress { return progress }
        let made = UnsafeMutablePointer<Progress>.allocate(capacity: 1)
        made.initialize(to: Progress())
        progress = made
        return made
    }

    private mutating func freeProgress() {
        guard let progress else { return }
        progress.pointee.message.free()
        progress.pointee.control.free()
        progress.deallocate()
        self.progress = nil
    }
}
