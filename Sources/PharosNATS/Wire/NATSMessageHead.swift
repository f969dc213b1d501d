/// The line of a MSG or an HMSG, whose headers and payload are to follow.
struct NATSMessageHead: Equatable, Sendable {
    var subject: String
    var subscription: UInt64
    var reply: String?
    var headerBytes: Int
    var payloadBytes: Int

    /// Reads the arguments of a line after its verb.
    ///
    /// `MSG subject sid [reply] size`, or `HMSG subject sid [reply] header-size total-size`.
    /// - Parameter limit: bytes of headers and payload together.
    init(_ verb: NATSVerb, _ fields: inout NATSFields, limit: Int) throws(NATSParseError) {
        guard let subject = fields.next(), let subscription = fields.next(), let third = fields.next() else {
            throw .wrongArguments(verb)
        }
        var headerSize: UnsafeRawBufferPointer?
        var totalSize = third
        var reply: UnsafeRawBufferPointer?
        if verb == .messageWithHeaders {
            guard let fourth = fields.next() else { throw .wrongArguments(verb) }
            if let fifth = fields.next() {
                (reply, headerSize, totalSize) = (third, fourth, fifth)
            } else {
                (headerSize, totalSize) = (third, fourth)
            }
        } else if let fourth = fields.next() {
            (reply, totalSize) = (third, fourth)
        }
        guard fields.next() == nil else { throw .wrongArguments(verb) }
        guard let number = NATSFields.decimal(subscription) else { throw .wrongSubscription(verb) }
        guard let total = NATSFields.decimal(totalSize) else { throw .wrongSize(verb) }
        guard total <= UInt64(clamping: limit) else { throw .messageTooLarge(bytes: total, limit: limit) }
        var headerBytes: UInt64 = 0
        if let headerSize {
            guard let size = NATSFields.decimal(headerSize), size <= total else { throw .wrongSize(verb) }
            headerBytes = size
        }
        self.subject = String(decoding: subject, as: UTF8.self)
        self.subscription = number
        self.reply = reply.map { String(decoding: $0, as: UTF8.self) }
        self.headerBytes = Int(headerBytes)
        payloadBytes = Int(total - headerBytes)
    }
}

extension NATSParser {
    /// Reads one line without its end.
    ///
    /// - Returns: nil for the line of a message, whose payload follows.
    mutating func accept(_ line: UnsafeRawBufferPointer) throws(NATSParseError) -> NATSServerMessage? {
        var fields = NATSFields(line)
        guard let word = fields.next(), word.baseAddress == line.baseAddress, let verb = NATSVerb(word) else {
            throw .unknownVerb
        }
        switch verb {
        case .message, .messageWithHeaders:
            let head = try NATSMessageHead(verb, &fields, limit: limits.messageBytes)
            stage = head.headerBytes > 0 ? .headers(head) : .payload(head)
            return nil
        case .info:
            return .info(try NATSInfo(json: fields.remainder()))
        case .error:
            return .error(NATSParser.unquoted(fields.remainder()))
        case .ping, .pong, .ok:
            guard fields.next() == nil else { throw .wrongArguments(verb) }
            return verb == .ping ? .ping : verb == .pong ? .pong : .ok
        }
    }

    private static func unquoted(_ text: UnsafeRawBufferPointer) -> String {
        let quote = UInt8(ascii: "'")
        guard text.count >= 2, text.first == quote, text.last == quote else {
            return String(decoding: text, as: UTF8.self)
        }
        return String(decoding: text.dropFirst().dropLast(), as: UTF8.self)
    }
}
