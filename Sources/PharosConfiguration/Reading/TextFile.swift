import Glibc

/// Reads small text files, such as the configuration and those below `/proc`.
enum TextFile {
    /// No configuration is longer; bytes.
    static let sizeLimit = 4 * 1024 * 1024

    struct ReadError: Error {
        var message: String
    }

    /// The whole file; one that is longer than the limit is refused.
    static func read(_ path: String) throws(ReadError) -> String {
        let bytes = try bytes(path, upTo: sizeLimit + 1)
        if bytes.count > sizeLimit { throw ReadError(message: "longer than \(sizeLimit) bytes") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ReadError(message: "not UTF-8")
        }
        return text
    }

    /// As much of a file as the limit allows.
    static func beginning(of path: String) throws(ReadError) -> String {
        String(decoding: try bytes(path, upTo: sizeLimit), as: UTF8.self)
    }

    private static func bytes(_ path: String, upTo limit: Int) throws(ReadError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ReadError(message: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < limit {
            let count = Glibc.read(descriptor, &chunk, min(chunk.count, limit - bytes.count))
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw ReadError(message: String(cString: strerror(errno)))
            }
            bytes += chunk[..<count]
        }
        return bytes
    }

    /// Whether this process may read the file.
    static func isReadable(_ path: String) -> Bool {
        access(path, R_OK) == 0
    }
}
