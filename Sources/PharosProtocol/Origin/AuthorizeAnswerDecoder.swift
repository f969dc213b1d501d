package import PharosDomain

/// Reads the answer to a plain authorisation subrequest.
///
/// The status decides, and header or body name the channels.
package enum AuthorizeAnswerDecoder {
    /// Reads an answer.
    ///
    /// - Throws: if the answer allows access without naming channels: an empty page must let no client in.
    package static func decode(_ answer: HTTPAnswer) throws(MalformedFrame) -> HookOutcome {
        switch answer.status {
        case 200..<300: return .granted(.handshake(try claims(answer)))
        case 400..<500: return .status(answer.status)
        default: throw MalformedFrame(reason: "status")
        }
    }

    private static func claims(_ answer: HTTPAnswer) throws(MalformedFrame) -> ConnectionClaims {
        var claims = ConnectionClaims()
        let hasFields = answer.redirect != nil || answer.channels != nil || answer.user != nil
        if !answer.body.isEmpty, !hasFields || answer.isOf(type: "application/json") {
            claims = try answer.readBody(body)
        } else if !hasFields {
            throw MalformedFrame(reason: "neither user nor channels")
        }
        if let user = answer.user { claims.user = user }
        if let redirect = answer.redirect {
            claims.channels = try channels(redirect: redirect)
        } else if let list = answer.channels {
            claims.channels = list.utf8.split(separator: UInt8(ascii: ",")).map(trimmed).filter { !$0.isEmpty }
        }
        return claims
    }

    /// `["a","b"]`, or the result of a connect hook.
    private static func body(_ bytes: UnsafeRawBufferPointer) throws(MalformedFrame) -> ConnectionClaims {
        var claims = ConnectionClaims()
        var scanner = JSONScanner(bytes)
        if bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "[") {
            claims.channels = try scanner.stringListField()
        } else {
            claims = try scanner.message(HookConnectFields.self).request()
        }
        try scanner.finish()
        return claims
    }

    /// The channel path of `/ws?…&channels=a/b.b3`.
    ///
    /// How many old messages each channel is to begin with is not ours to do.
    private static func channels(redirect: String) throws(MalformedFrame) -> [ChannelName] {
        guard let mark = redirect.utf8.firstIndex(of: UInt8(ascii: "?")) else {
            throw MalformedFrame(reason: "no channels")
        }
        let query = Array(redirect.utf8[redirect.utf8.index(after: mark)...])
        let path: String?
        do {
            path = try query.withUnsafeBytes { try QueryReader.first("channels", in: $0) }
        } catch {
            throw MalformedFrame(reason: "query")
        }
        guard let path else { throw MalformedFrame(reason: "no channels") }
        return path.utf8.split(separator: UInt8(ascii: "/")).map(withoutBacktrack).filter { !$0.isEmpty }
    }

    /// `b` of `b.b3`.
    private static func withoutBacktrack(_ piece: Substring.UTF8View) -> ChannelName {
        guard let dot = piece.lastIndex(of: UInt8(ascii: ".")), piece[dot...].starts(with: ".b".utf8) else {
            return ChannelName(decoding: piece)
        }
        let digits = piece[dot...].dropFirst(2)
        let isNumber = !digits.isEmpty && digits.allSatisfy { (0x30...0x39).contains($0) }
        return ChannelName(decoding: isNumber ? piece[..<dot] : piece)
    }

    private static func trimmed(_ text: Substring.UTF8View) -> ChannelName {
        ChannelName(decoding: HTTPField.trimmed(Array(text)[...]))
    }
}
