import Glibc
import PharosAuth
import PharosBytes
import PharosDomain
import PharosProtocol

/// The output of `pharos sub`.
///
/// It is lines for people, or one JSON object per line.
struct SubPrinter {
    let asJSON: Bool

    init(asJSON: Bool) {
        self.asJSON = asJSON
    }

    func publication(_ channel: ChannelName, _ publication: Publication) {
        guard asJSON else {
            let position = publication.offset > 0 ? " \(publication.offset)" : ""
            let from = publication.info.map { " from \(Self.name($0))" } ?? ""
            return write("\(Self.printable(channel.text))\(position)\(from): \(Self.text(publication.data))")
        }
        var line = JSONObjectWriter()
        line.add("type", "publication")
        line.add("channel", channel.text)
        if publication.offset > 0 { line.add("offset", Int64(clamping: publication.offset)) }
        if let info = publication.info { Self.add(info, to: &line) }
        Self.add(publication.data, to: &line)
        write(line)
    }

    /// - Parameter event: `join` or `leave`.
    func presence(_ channel: ChannelName, _ event: String, _ info: ClientInfo) {
        guard asJSON else {
            return write("\(Self.printable(channel.text)) \(event == "join" ? "+" : "-") \(Self.name(info))")
        }
        var line = JSONObjectWriter()
        line.add("type", event)
        line.add("channel", channel.text)
        Self.add(info, to: &line)
        write(line)
    }

    func message(_ data: [UInt8]) {
        guard asJSON else { return write("message: \(Self.text(data))") }
        var line = JSONObjectWriter()
        line.add("type", "message")
        Self.add(data, to: &line)
        write(line)
    }

    func subscribed(_ channel: ChannelName, _ result: SubscribeResult) {
        var parts: [String] = []
        if result.recoverable || result.positioned { parts.append("offset \(result.offset), epoch \(result.epoch)") }
        if result.wasRecovering {
            parts.append(result.recovered ? "recovered \(result.publications.count)" : "what was missed is lost")
        }
        let text = parts.isEmpty ? channel.text : "\(channel): \(parts.joined(separator: ", "))"
        state("subscribed", text)
    }

    /// Something about the connection or a subscription changed.
    func state(_ name: String, _ text: String) {
        guard asJSON else { return write("# \(name): \(Self.printable(text))") }
        var line = JSONObjectWriter()
        line.add("type", "state")
        line.add("state", name)
        line.add("text", text)
        write(line)
    }

    /// The meaning of a close code for the person at the terminal.
    static func explain(code: UInt32, _ reason: String) -> String {
        let advice: String? =
            switch code {
            case 1006: "the connection was cut"
            case 1009: "a message was larger than the server takes"
            case 3001: "the server is shutting down"
            case 3008: "this client read too slowly"
            case 3012: "a ping of the server went unanswered"
            case 3500: "the token is not valid; give another with --token"
            case 3501: "the server did not understand us"
            case 3502: "the connect command came too late"
            case 3503: "the server ended this connection for good"
            case 3504: "the user has too many connections"
            case 3505: "too many channels for one connection"
            case 3506: "the server does not speak this client's protocol"
            case 3507: "this user may not do that"
            default: nil
            }
        let said = reason.isEmpty ? "" : ", \(reason)"
        return advice.map { "\($0) (\(code)\(said))" } ?? "closed (\(code)\(said))"
    }

    /// A payload: JSON as it is, other bytes as base64 under a name that says so.
    static func add(_ payload: [UInt8], to line: inout JSONObjectWriter) {
        if JSONScanner.isValid(payload) {
            line.add("data", json: payload)
        } else {
            line.add("b64data", Base64.encode(payload))
        }
    }

    private static func name(_ info: ClientInfo) -> String {
        info.user.isEmpty
            ? "client \(printable(info.client.text))" : "\(printable(info.user.text)) (\(printable(info.client.text)))"
    }

    private static func add(_ info: ClientInfo, to line: inout JSONObjectWriter) {
        line.add("user", info.user.text)
        line.add("client", info.client.text)
    }

    private static func text(_ data: [UInt8]) -> String { printable(String(decoding: data, as: UTF8.self)) }

    /// Makes other people's data safe to print.
    ///
    /// Its control characters must not reach the terminal: they can move its cursor and worse.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { isControl($0) }) else { return text }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { scalars.append(isControl(scalar) ? "\u{FFFD}" : scalar) }
        return String(scalars)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value
    }

    private func write(_ line: JSONObjectWriter) { write(String(decoding: line.bytes, as: UTF8.self)) }

    /// Each line at once, also into a pipe.
    private func write(_ line: String) {
        print(line)
        fflush(nil)
    }
}
