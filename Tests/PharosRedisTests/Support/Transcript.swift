#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The bytes of a connection to a real redis-server, both ways.
///
/// Recorded by Tests/RedisTranscripts/record.py.
struct Transcript: CustomStringConvertible {
    enum Line {
        case sent([UInt8])
        case received([UInt8], notation: String)
    }

    static let all = [
        "auth-missing", "auth-resp2-wrong", "auth-resp3", "auth-resp3-wrong", "auth-without-password", "busy",
        "cluster", "cluster-down", "handshake-resp2", "handshake-resp3", "hello-2-and-4", "loading", "master-down",
        "no-replicas", "out-of-memory", "pubsub-resp2", "pubsub-resp3", "readonly", "replies-resp2", "replies-resp3",
        "scripts-resp2", "scripts-resp3", "streams-resp2", "streams-resp3", "tracking",
    ]

    let name: String
    private(set) var lines: [Line] = []

    var description: String { name }

    /// All that was received, in one run.
    var received: [UInt8] {
        lines.flatMap { line -> [UInt8] in if case .received(let bytes, _) = line { bytes } else { [] } }
    }

    /// The values received, by the recorder's own decoder.
    var notations: [String] {
        lines.compactMap { if case .received(_, let notation) = $0 { notation } else { nil } }
    }

    init(_ name: String) {
        self.name = name
        var received: [UInt8] = []
        for line in Transcript.read(name).split(separator: "\n") {
            switch line.first {
            case ">": lines.append(.sent(Escapes.bytes(line.dropFirst(2))))
            case "<": received = Escapes.bytes(line.dropFirst(2))
            case "=": lines.append(.received(received, notation: String(line.dropFirst(2))))
            default: break
            }
        }
        precondition(!lines.isEmpty, "there is no transcript \(name)")
    }

    private static func read(_ name: String) -> String {
        let tests = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        guard let file = fopen("/\(tests)/RedisTranscripts/\(name).txt", "r") else { return "" }
        defer { fclose(file) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { text += buffer[..<count] }
        return String(decoding: text, as: UTF8.self)
    }
}
