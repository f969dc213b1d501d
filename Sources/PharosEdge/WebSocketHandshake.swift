package import PharosBytes

/// The server's side of the WebSocket opening handshake (RFC 6455, section 4.2).
package enum WebSocketHandshake {
    package enum Verdict {
        /// An ordinary request: it does not ask for WebSocket.
        case notUpgrade
        case accept(subprotocol: Subprotocol)
        /// Answer with this status and close.
        ///
        /// With 426 the answer must have the header `Sec-WebSocket-Version: 13`.
        case refused(status: Int, reason: StaticString)
    }

    /// The subprotocol that was agreed on (RFC 6455, section 1.9).
    package struct Subprotocol: Equatable, Sendable {
        /// Its index among those that are known; nil: none was agreed on.
        package let index: Int?
        /// As it stands in `Sec-WebSocket-Protocol`; empty: the answer names none.
        package let name: String

        package static let none = Subprotocol(index: nil, name: "")

        package init(index: Int?, name: String) {
            self.index = index
            self.name = name
        }
    }

    /// Decides about a request by its head alone; who may connect is not asked here.
    ///
    /// - Parameter subprotocols: those that are known; the first of them that the client offers is chosen.
    package static func examine(_ head: RequestHead, subprotocols: [String] = []) -> Verdict {
        let fields = HandshakeFields(head)
        guard fields.asksForWebSocket else { return .notUpgrade }
        guard FieldText.isSame(head.method, "GET") else {
            return .refused(status: 400, reason: "a WebSocket handshake is a GET request")
        }
        guard head.minorVersion == 1 else {
            return .refused(status: 400, reason: "a WebSocket handshake needs HTTP/1.1")
        }
        guard fields.hasConnectionToken else {
            return .refused(status: 400, reason: "the Connection header does not have the token upgrade")
        }
        // Bytes of a body would be taken for frames.
        guard !head.isChunked, head.contentLength <= 0 else {
            return .refused(status: 400, reason: "a WebSocket handshake has no body")
        }
        guard fields.versionCount == 1, fields.isVersion13 else {
            return .refused(status: 426, reason: "Sec-WebSocket-Version must be 13")
        }
        guard fields.keyCount == 1, fields.isKeyValid else {
            return .refused(status: 400, reason: "Sec-WebSocket-Key must be 16 bytes in base64, once")
        }
        guard fields.areExtensionsValid else {
            return .refused(status: 400, reason: "Sec-WebSocket-Extensions is malformed")
        }
        return .accept(subprotocol: fields.hasSubprotocols ? subprotocol(of: head, among: subprotocols) : .none)
    }

    /// The first subprotocol that the client offers and `known` has.
    ///
    /// Case counts (RFC 6455, section 4.1). An empty header, as some clients send, offers nothing.
    package static func subprotocol(of head: RequestHead, among known: [String]) -> Subprotocol {
        var chosen: Int?
        head.forEachHeader { name, value in
            guard chosen == nil, FieldText.equals(name, lowercase: "sec-websocket-protocol") else { return }
            var rest = value
            while chosen == nil, let offered = FieldText.nextElement(of: &rest) {
                chosen = known.firstIndex { offered.elementsEqual($0.utf8) }
            }
        }
        return chosen.map { Subprotocol(index: $0, name: known[$0]) } ?? .none
    }

    /// Writes the whole answer to a request that `examine` accepted.
    ///
    /// Its status is 101 Switching Protocols.
    ///
    /// - Parameter compression: the offer taken, nil: none.
    package static func appendResponse(
        _ head: RequestHead, subprotocol: Subprotocol, compression: PerMessageDeflate? = nil,
        into writer: inout ByteWriter
    ) {
        guard let key = head.header("sec-websocket-key") else {
            preconditionFailure("only a request that was accepted is answered, and that has a key")
        }
        writer.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.append("Sec-WebSocket-Accept: ")
        appendAccept(key: key, into: &writer)
        appendAgreement(subprotocol, compression, into: &writer)
    }

    /// Appends the fields about what was agreed on, and the end of the head.
    private static func appendAgreement(
        _ subprotocol: Subprotocol, _ compression: PerMessageDeflate?, into writer: inout ByteWriter
    ) {
        if !subprotocol.name.isEmpty {
            writer.append("\r\nSec-WebSocket-Protocol: ")
            writer.append(subprotocol.name)
        }
        if let compression {
            writer.append("\r\nSec-WebSocket-Extensions: ")
            compression.appendAnswer(into: &writer)
        }
        writer.append("\r\n\r\n")
    }

    /// Writes the answer where the WebSocket is a stream of HTTP/2.
    ///
    /// Its status is 200, and there is no key (RFC 8441, section 5).
    static func appendResponseOverHTTP2(
        subprotocol: Subprotocol, compression: PerMessageDeflate?, into writer: inout ByteWriter
    ) {
        writer.append("HTTP/1.1 200 OK")
        appendAgreement(subprotocol, compression, into: &writer)
    }

    /// Appends the value of `Sec-WebSocket-Accept` for a key.
    ///
    /// A server sends it, and a client compares it.
    ///
    /// - Parameter key: at most 64 bytes.
    package static func appendAccept(key: UnsafeRawBufferPointer, into writer: inout ByteWriter) {
        precondition(key.count <= 64, "a WebSocket key has 24 characters")
        let suffix: StaticString = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        let total = key.count + suffix.utf8CodeUnitCount
        let digest = withUnsafeTemporaryAllocation(byteCount: total, alignment: 8) { joined in
            joined.copyBytes(from: key)
            UnsafeMutableRawBufferPointer(rebasing: joined[key.count...]).copyBytes(
                from: UnsafeRawBufferPointer(start: suffix.utf8Start, count: suffix.utf8CodeUnitCount))
            return SHA1.digest(of: UnsafeRawBufferPointer(joined))
        }
        writer.reserve(28)
        digest.withBytes { Base64.encode($0, into: &writer) }
    }
}

/// The content of a handshake's field lines, gathered in one pass.
private struct HandshakeFields {
    var asksForWebSocket = false
    var hasConnectionToken = false
    var versionCount = 0
    var isVersion13 = false
    var keyCount = 0
    var isKeyValid = false
    /// Whether all of the offers can be read.
    ///
    /// A server must not go on if not (RFC 6455, section 9.1).
    var areExtensionsValid = true
    var hasSubprotocols = false

    init(_ head: RequestHead) {
        head.forEachHeader { name, value in note(name, value) }
    }

    private mutating func note(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        switch name.count {
        case 7 where FieldText.equals(name, lowercase: "upgrade"):
            if FieldText.list(value, has: "websocket") { asksForWebSocket = true }
        case 10 where FieldText.equals(name, lowercase: "connection"):
            if FieldText.list(value, has: "upgrade") { hasConnectionToken = true }
        case 17 where FieldText.equals(name, lowercase: "sec-websocket-key"):
            keyCount += 1
            isKeyValid = HandshakeFields.isNonce(value)
        case 21 where FieldText.equals(name, lowercase: "sec-websocket-version"):
            versionCount += 1
            isVersion13 = FieldText.isSame(value, "13")
        case 22 where FieldText.equals(name, lowercase: "sec-websocket-protocol"):
            hasSubprotocols = true
        case 24 where FieldText.equals(name, lowercase: "sec-websocket-extensions"):
            if !ExtensionOffers.areWellFormed(value) { areExtensionsValid = false }
        default:
            break
        }
    }

    private static func isNonce(_ key: UnsafeRawBufferPointer) -> Bool {
        guard key.count == 24 else { return false }
        return withUnsafeTemporaryAllocation(byteCount: 18, alignment: 1) { Base64.decode(key, into: $0) == 16 }
    }
}
