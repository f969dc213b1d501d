import PharosTLS

/// The properties of a TLS session for every input.
///
/// Nil: it holds; otherwise what was violated.
package enum SessionProperties {
    /// A session's result for some input.
    private struct Outcome: Equatable {
        var plaintext: [UInt8] = []
        var isOpen = true
        var outputCount = 0
    }

    private static let question: [UInt8] = Array("GET /connection/websocket HTTP/1.1\r\n\r\n".utf8)

    /// The first byte chooses what is done with the rest, the second where it is cut.
    package static func receive(_ input: UnsafeRawBufferPointer) -> String? {
        guard input.count > 2, let contexts = FixedCertificate.contexts else { return nil }
        let rest = Array(input[2...])
        let cut = Int(input[1]) % (rest.count + 1)
        return switch input[0] % 3 {
        case 0: fresh(rest, cut, contexts.server)
        case 1: established(rest, cut, contexts.server, contexts.client)
        default: mutated(rest, contexts.server, contexts.client)
        }
    }

    /// Bytes in place of a hello give no plaintext and little output.
    ///
    /// The end is the same whole and in pieces.
    private static func fresh(_ bytes: [UInt8], _ cut: Int, _ server: TLSContext) -> String? {
        guard var first = TLSSession(accepting: server), var second = TLSSession(accepting: server) else { return nil }
        var whole = Outcome()
        var pieces = Outcome()
        if let violation = feed([bytes], to: &first, &whole) { return violation }
        if let violation = feed([Array(bytes[..<cut]), Array(bytes[cut...])], to: &second, &pieces) {
            return violation
        }
        guard whole.plaintext.isEmpty else { return "plaintext without a handshake" }
        guard whole.isOpen == pieces.isOpen else { return "pieces come to another end" }
        // A flight with its certificate, or an alert.
        guard whole.outputCount < 8_192 else { return "more output than a handshake has" }
        return nil
    }

    /// Bytes in place of records: forged, so they never become plaintext.
    private static func established(
        _ bytes: [UInt8], _ cut: Int, _ server: TLSContext, _ client: TLSContext
    ) -> String? {
        guard var serverSide = TLSSession(accepting: server),
            var clientSide = TLSSession(connecting: client, to: "localhost")
        else { return nil }
        guard shakeHands(&serverSide, &clientSide, mutations: []) else { return "the handshake failed" }
        var outcome = Outcome()
        if let violation = feed([Array(bytes[..<cut]), Array(bytes[cut...])], to: &serverSide, &outcome) {
            return violation
        }
        guard outcome.plaintext.isEmpty else { return "forged records were decrypted" }
        guard outcome.outputCount < 256 else { return "more output than alerts" }
        return nil
    }

    /// Bytes of a real conversation changed on the way.
    ///
    /// The changes are pairs of position and change: the server never reads text that was not sent.
    private static func mutated(_ mutations: [UInt8], _ server: TLSContext, _ client: TLSContext) -> String? {
        guard var serverSide = TLSSession(accepting: server),
            var clientSide = TLSSession(connecting: client, to: "localhost")
        else { return nil }
        guard shakeHands(&serverSide, &clientSide, mutations: mutations) else { return nil }
        var output = TLSOutput()
        guard question.withUnsafeBytes({ clientSide.encrypt($0, into: &output) }) else { return nil }
        let records = changed(Array(output.bytes), mutations)
        var outcome = Outcome()
        if let violation = feed([records.bytes], to: &serverSide, &outcome) { return violation }
        if !records.isChanged, outcome.plaintext != question { return "what was said did not arrive" }
        if records.isChanged, !outcome.plaintext.isEmpty { return "a changed record was decrypted" }
        return nil
    }

    /// Feeds all pieces with little room for plaintext.
    ///
    /// The edge goes on in the same way with bytes that were not consumed.
    private static func feed(_ pieces: [[UInt8]], to session: inout TLSSession, _ outcome: inout Outcome) -> String? {
        var output = TLSOutput()
        for piece in pieces {
            var rest = piece[...]
            var rounds = 0
            while true {
                let progress = withUnsafeTemporaryAllocation(byteCount: 64, alignment: 16) { plaintext in
                    let progress = rest.withUnsafeBytes {
                        session.receive($0, plaintext: plaintext, output: &output)
                    }
                    if progress.produced <= plaintext.count { outcome.plaintext += plaintext.prefix(progress.produced) }
                    return progress
                }
                guard progress.produced <= 64, progress.consumed <= rest.count else { return "more than there is" }
                rest = rest.dropFirst(progress.consumed)
                rounds += 1
                guard progress.status == .full else {
                    guard rest.isEmpty else { return "input was left over" }
                    outcome.isOpen = progress.status == .open
                    break
                }
                guard rounds <= piece.count + 512 else { return "no progress" }
            }
        }
        outcome.outputCount = output.count
        return nil
    }

    /// The client's first two flights, changed; false: no handshake came of it.
    private static func shakeHands(
        _ server: inout TLSSession, _ client: inout TLSSession, mutations: [UInt8]
    ) -> Bool {
        var toClient: [UInt8] = []
        // Bytes changed there belong to the data.
        let changes = mutations.first.map { $0 < 128 } == true ? mutations : []
        for _ in 0..<4 {
            let toServer = exchange(&client, toClient)
            toClient = exchange(&server, changed(toServer, changes).bytes)
            if client.isHandshakeComplete, server.isHandshakeComplete {
                _ = exchange(&client, toClient)
                return true
            }
        }
        return false
    }

    private static func exchange(_ session: inout TLSSession, _ bytes: [UInt8]) -> [UInt8] {
        var output = TLSOutput()
        withUnsafeTemporaryAllocation(byteCount: 32_768, alignment: 16) { plaintext in
            _ = bytes.withUnsafeBytes { session.receive($0, plaintext: plaintext, output: &output) }
        }
        return Array(output.bytes)
    }

    private static func changed(_ bytes: [UInt8], _ mutations: [UInt8]) -> (bytes: [UInt8], isChanged: Bool) {
        var result = bytes
        var index = 0
        while index + 2 < mutations.count, !bytes.isEmpty {
            let place = (Int(mutations[index]) << 8 | Int(mutations[index + 1])) % bytes.count
            result[place] ^= mutations[index + 2]
            index += 3
        }
        return (result, result != bytes)
    }
}
