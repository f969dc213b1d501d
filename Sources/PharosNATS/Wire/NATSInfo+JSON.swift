import PharosProtocol

extension NATSInfo {
    /// Reads the JSON object of an INFO.
    ///
    /// Fields it does not know are checked and skipped; `null` counts as absent.
    /// - Throws: `NATSParseError.wrongInfo`.
    package init(json: UnsafeRawBufferPointer) throws(NATSParseError) {
        var info = NATSInfo()
        var scanner = JSONScanner(json)
        do throws(MalformedFrame) {
            try scanner.beginObject()
            while let field = try scanner.nextMember() {
                if scanner.skipNull() { continue }
                try info.read(field, from: &scanner)
            }
            try scanner.finish()
        } catch {
            throw .wrongInfo(reason: error.reason)
        }
        self = info
    }

    private mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "server_id": serverID = try scanner.text().string
        case "server_name": serverName = try scanner.text().string
        case "version": version = try scanner.text().string
        case "proto": proto = try scanner.integer()
        case "headers": supportsHeaders = try scanner.bool()
        case "auth_required": requiresAuthentication = try scanner.bool()
        case "tls_required": requiresTLS = try scanner.bool()
        case "tls_available": offersTLS = try scanner.bool()
        case "max_payload": maxPayload = try scanner.integer()
        case "jetstream": hasJetStream = try scanner.bool()
        case "nonce": nonce = try scanner.text().string
        case "ldm": isLameDuck = try scanner.bool()
        case "client_id": clientID = try scanner.integer()
        case "cluster": cluster = try scanner.text().string
        case "connect_urls": connectURLs = try NATSInfo.texts(from: &scanner)
        default: try scanner.skipValue()
        }
    }

    private static func texts(from scanner: inout JSONScanner) throws(MalformedFrame) -> [String] {
        var texts: [String] = []
        try scanner.beginArray()
        while try scanner.nextElement() { texts.append(try scanner.text().string) }
        return texts
    }
}
