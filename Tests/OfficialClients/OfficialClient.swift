import Foundation

/// An official client of a broker, in a process of Python.
///
/// It does what it is told.
///
/// Each test target that needs one has this file by a symbolic link.
final class OfficialClient {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Python with the clients; nil: tests that need them are skipped.
    static var python: String? { ProcessInfo.processInfo.environment["TEST_PYTHON"] }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var read = Data()

    /// - Parameter script: a file beside this one.
    init(_ script: String, _ arguments: [String]) throws {
        guard let python = OfficialClient.python else { throw Failure(description: "TEST_PYTHON is not set") }
        let folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        process.executableURL = URL(filePath: python)
        process.arguments = [OfficialClient.folder(from: folder).appending(path: script).path] + arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    /// The folder of this file, whether it was compiled by its own path or by a link's.
    private static func folder(from folder: URL) -> URL {
        folder.lastPathComponent == "OfficialClients"
            ? folder : folder.deletingLastPathComponent().appending(path: "OfficialClients")
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Hands in a command and waits for its answer.
    @discardableResult
    func ask(_ verb: String, _ fields: [String: Any] = [:]) throws -> [String: Any] {
        var command = fields
        command["verb"] = verb
        var line = try JSONSerialization.data(withJSONObject: command)
        line.append(UInt8(ascii: "\n"))
        try input.fileHandleForWriting.write(contentsOf: line)
        let answer = try JSONSerialization.jsonObject(with: try nextLine()) as? [String: Any] ?? [:]
        if let failure = answer["failure"] { throw Failure(description: "\(failure)") }
        return answer
    }

    private func nextLine() throws -> Data {
        while true {
            if let end = read.firstIndex(of: UInt8(ascii: "\n")) {
                defer { read = Data(read[(end + 1)...]) }
                return Data(read[..<end])
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Failure(description: "it has ended") }
            read.append(more)
        }
    }
}

extension [UInt8] {
    /// As the scripts have bytes.
    var base64: String { Data(self).base64EncodedString() }
}

extension String {
    /// As the scripts have bytes.
    var base64: String { Array(utf8).base64 }
}
