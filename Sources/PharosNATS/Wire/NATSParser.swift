#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The inbound side of one connection to a NATS server.
///
/// Bytes go in, in any pieces, and messages come out (NATS client protocol; headers: ADR-4). Each byte is looked at once
/// and each payload copied once, into the array that is given out: its memory is reserved when its size is known, and
/// the system gives pages only for what arrives.
///
/// Lines end with LF, with or without CR, as other clients read them; payloads with CR LF. After an error the parser
/// stays failed.
package struct NATSParser: Sendable {
    enum Stage: Sendable {
        case line
        case headers(NATSMessageHead)
        case payload(NATSMessageHead)
        /// CR LF after a payload; whether CR has come.
        case end(NATSMessageHead, afterReturn: Bool)
    }

    let limits: NATSLimits
    var stage = Stage.line
    private var failure: NATSParseError?
    /// The beginning of a line that is incomplete.
    private var line: [UInt8] = []
    /// The beginning of a header block that is incomplete.
    private var block: [UInt8] = []
    private var headers = NATSHeaders()
    private var payload: [UInt8] = []

    package init(limits: NATSLimits = NATSLimits()) { self.limits = limits }

    /// Bytes held of what has not arrived whole.
    package var heldBytes: Int { line.count + block.count + payload.count }

    /// Reads on until there is a message.
    ///
    /// - Parameter input: the bytes that were read are taken from its front.
    /// - Returns: nil when all input is consumed.
    /// - Throws: why the bytes are not the protocol; the same for each later call.
    package mutating func next(_ input: inout UnsafeRawBufferPointer) throws(NATSParseError) -> NATSServerMessage? {
        if let failure { throw failure }
        do throws(NATSParseError) {
            while !input.isEmpty {
                if let message = try step(&input) { return message }
            }
            return nil
        } catch {
            failure = error
            (line, block, payload, headers) = ([], [], [], NATSHeaders())
            throw error
        }
    }

    private mutating func step(_ input: inout UnsafeRawBufferPointer) throws(NATSParseError) -> NATSServerMessage? {
        switch stage {
        case .line:
            return try readLine(&input)
        case .headers(let head):
            readHeaders(of: head, &input)
            return nil
        case .payload(let head):
            readPayload(of: head, &input)
            return nil
        case .end(let head, let afterReturn):
            return try readEnd(of: head, afterReturn, &input)
        }
    }
}

// MARK: Lines

extension NATSParser {
    private mutating func readLine(_ input: inout UnsafeRawBufferPointer) throws(NATSParseError) -> NATSServerMessage? {
        guard let start = input.baseAddress, let feed = memchr(start, 0x0A, input.count) else {
            // Looked at before it is kept, so that no more than a limit and one read are ever held.
            line.append(contentsOf: input.assumingMemoryBound(to: UInt8.self))
            input = UnsafeRawBufferPointer(rebasing: input[input.count...])
            try line.span.withUnsafeBytes { (bytes) throws(NATSParseError) in try checkLength(of: bytes) }
            return nil
        }
        let part = NATSParser.take(UnsafeRawPointer(feed) - start, from: &input)
        input = UnsafeRawBufferPointer(rebasing: input[1...])
        guard !line.isEmpty else { return try interpret(part) }
        var whole: [UInt8] = []
        swap(&whole, &line)
        whole.append(contentsOf: part.assumingMemoryBound(to: UInt8.self))
        return try whole.span.withUnsafeBytes { (bytes) throws(NATSParseError) in try interpret(bytes) }
    }

    private mutating func interpret(_ line: UnsafeRawBufferPointer) throws(NATSParseError) -> NATSServerMessage? {
        try checkLength(of: line)
        let hasReturn = line.last == 0x0D
        return try accept(hasReturn ? UnsafeRawBufferPointer(rebasing: line.dropLast()) : line)
    }

    private func checkLength(of line: UnsafeRawBufferPointer) throws(NATSParseError) {
        guard line.count > min(limits.lineBytes, limits.infoBytes) else { return }
        var fields = NATSFields(line)
        let isInfo = fields.next().flatMap { NATSVerb($0) } == .info
        let limit = isInfo ? limits.infoBytes : limits.lineBytes
        guard line.count <= limit else { throw .lineTooLong(limit: limit) }
    }

    private static func take(_ count: Int, from input: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        let part = UnsafeRawBufferPointer(rebasing: input[..<count])
        input = UnsafeRawBufferPointer(rebasing: input[count...])
        return part
    }
}

// MARK: Messages

extension NATSParser {
    private mutating func readHeaders(of head: NATSMessageHead, _ input: inout UnsafeRawBufferPointer) {
        let part = NATSParser.take(min(head.headerBytes - block.count, input.count), from: &input)
        if part.count == head.headerBytes {
            headers = NATSHeaders(block: part)
        } else {
            block.append(contentsOf: part.assumingMemoryBound(to: UInt8.self))
            guard block.count == head.headerBytes else { return }
            headers = block.withUnsafeBytes { NATSHeaders(block: $0) }
            block = []
        }
        stage = .payload(head)
    }

    private mutating func readPayload(of head: NATSMessageHead, _ input: inout UnsafeRawBufferPointer) {
        if payload.isEmpty { payload.reserveCapacity(head.payloadBytes) }
        let part = NATSParser.take(min(head.payloadBytes - payload.count, input.count), from: &input)
        payload.append(contentsOf: part.assumingMemoryBound(to: UInt8.self))
        if payload.count == head.payloadBytes { stage = .end(head, afterReturn: false) }
    }

    private mutating func readEnd(
        of head: NATSMessageHead, _ afterReturn: Bool, _ input: inout UnsafeRawBufferPointer
    ) throws(NATSParseError) -> NATSServerMessage? {
        let byte = NATSParser.take(1, from: &input)[0]
        guard byte == (afterReturn ? 0x0A : 0x0D) else { throw .missingEndOfPayload }
        guard afterReturn else {
            stage = .end(head, afterReturn: true)
            return nil
        }
        var message = NATSMessage(subscription: head.subscription, subject: head.subject, reply: head.reply)
        swap(&message.payload, &payload)
        swap(&message.headers, &headers)
        stage = .line
        return .message(message)
    }
}
