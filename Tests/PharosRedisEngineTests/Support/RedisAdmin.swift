import PharosRedis

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A blocking connection by which a test speaks to a server.
final class RedisAdmin {
    struct Failure: Error {}

    private let descriptor: Int32
    private var parser = RESPParser()

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        var wait = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
        guard result == 0 else { throw Failure() }
    }

    deinit { close(descriptor) }

    /// The reply to a command.
    func ask(_ words: [String]) throws -> RESPValue {
        var command = "*\(words.count)\r\n"
        for word in words { command += "$\(word.utf8.count)\r\n\(word)\r\n" }
        let bytes = Array(command.utf8)
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw Failure() }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { throw Failure() }
            let value = try buffer.withUnsafeBytes { bytes in
                var input = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                return try parser.next(&input)
            }
            if let value { return value }
        }
    }

    /// The reply as text.
    @discardableResult
    func callAsFunction(_ words: String...) throws -> String { "\(try Self.text(ask(words)))" }

    static func text(_ value: RESPValue) -> String {
        switch value {
        case .simpleString(let bytes), .error(let bytes), .bulkString(let bytes): String(decoding: bytes, as: UTF8.self)
        case .integer(let number): "\(number)"
        case .array(let elements): elements.map(text).joined(separator: "\n")
        default: "\(value)"
        }
    }
}
