package import PharosBytes

/// The agreement with a client about compression (RFC 7692, section 7.1).
///
/// Neither side ever takes its context over to the next message. So a message is compressed once for all who read it,
/// and an idle connection costs nothing.
package struct PerMessageDeflate: Equatable, Sendable {
    /// The window of what the server sends, as a power of two: 9 to 15.
    package let windowBits: UInt8
    /// Whether the client asked for a window size, and so gets it in the answer.
    private let namesWindow: Bool

    package init(windowBits: UInt8, namesWindow: Bool) {
        self.windowBits = windowBits
        self.namesWindow = namesWindow
    }

    /// The first of the offers in a request's head that can be met; nil: there is none.
    package static func accepted(in head: RequestHead) -> PerMessageDeflate? {
        var accepted: PerMessageDeflate?
        head.forEachHeader { name, value in
            guard accepted == nil, FieldText.equals(name, lowercase: "sec-websocket-extensions") else { return }
            accepted = firstAcceptable(of: value)
        }
        return accepted
    }

    private static func firstAcceptable(of value: UnsafeRawBufferPointer) -> PerMessageDeflate? {
        var offers = ExtensionOffers(value)
        var offer = Offer()
        while true {
            switch offers.next() {
            case .name(let name):
                if let agreement = offer.agreement { return agreement }
                offer = Offer()
                offer.isAcceptable = FieldText.equals(name, lowercase: "permessage-deflate")
            case .parameter(let name, let value):
                offer.note(name, value)
            case .end:
                return offer.agreement
            case .malformed:
                return nil
            }
        }
    }

    /// The value of the answer's `Sec-WebSocket-Extensions`.
    package func appendAnswer(into writer: inout ByteWriter) {
        writer.append("permessage-deflate; server_no_context_takeover; client_no_context_takeover")
        guard namesWindow else { return }
        writer.append("; server_max_window_bits=")
        writer.appendDecimal(windowBits)
    }
}

/// One offer, while its parameters are being read.
private struct Offer {
    struct Parameters: OptionSet {
        let rawValue: UInt8
        static let serverNoContextTakeover = Parameters(rawValue: 1)
        static let clientNoContextTakeover = Parameters(rawValue: 2)
        static let serverMaxWindowBits = Parameters(rawValue: 4)
        static let clientMaxWindowBits = Parameters(rawValue: 8)
    }

    var isAcceptable = false
    private var seen: Parameters = []
    private var windowBits: UInt8 = 15

    /// The agreement that follows when this offer is taken.
    var agreement: PerMessageDeflate? {
        guard isAcceptable else { return nil }
        return PerMessageDeflate(windowBits: windowBits, namesWindow: seen.contains(.serverMaxWindowBits))
    }

    /// Takes a parameter of the offer.
    ///
    /// An unknown one, one that stands twice or one with a wrong value makes the offer unacceptable (section 7).
    mutating func note(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) {
        guard isAcceptable else { return }
        isAcceptable = false
        guard let parameter = Offer.parameter(name), !seen.contains(parameter) else { return }
        seen.insert(parameter)
        switch (parameter, value) {
        case (.serverNoContextTakeover, nil), (.clientNoContextTakeover, nil), (.clientMaxWindowBits, nil):
            isAcceptable = true
        case (.clientMaxWindowBits, let value?):
            // Whatever window the client chooses can be read, so there is nothing to remember.
            isAcceptable = Offer.windowBits(value) != nil
        case (.serverMaxWindowBits, let value?):
            // zlib cannot write raw streams for a window of 256 bytes.
            guard let bits = Offer.windowBits(value), MessageCompressor.windowBits.contains(bits) else { return }
            windowBits = bits
            isAcceptable = true
        default:
            return
        }
    }

    private static func parameter(_ name: UnsafeRawBufferPointer) -> Parameters? {
        if FieldText.equals(name, lowercase: "server_no_context_takeover") { return .serverNoContextTakeover }
        if FieldText.equals(name, lowercase: "client_no_context_takeover") { return .clientNoContextTakeover }
        if FieldText.equals(name, lowercase: "server_max_window_bits") { return .serverMaxWindowBits }
        if FieldText.equals(name, lowercase: "client_max_window_bits") { return .clientMaxWindowBits }
        return nil
    }

    /// A number from 8 to 15 without leading zeros (section 7.1.2).
    private static func windowBits(_ value: UnsafeRawBufferPointer) -> UInt8? {
        var digits = value.lazy.filter { $0 != UInt8(ascii: "\\") }.makeIterator()
        guard let first = digits.next() else { return nil }
        switch (first, digits.next(), digits.next()) {
        case (UInt8(ascii: "8"), nil, nil): return 8
        case (UInt8(ascii: "9"), nil, nil): return 9
        case (UInt8(ascii: "1"), let second?, nil) where UInt8(ascii: "0")...UInt8(ascii: "5") ~= second:
            return 10 + second - UInt8(ascii: "0")
        default: return nil
        }
    }
}
