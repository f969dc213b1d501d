import Foundation
import Testing

/// Replays the seeds of the fuzzer and its former findings.
///
/// It checks the properties that the fuzzer checks.
@Suite("Inputs of the TLS fuzzer")
struct SessionReplayTests {
    @Test("every seed and every input that once failed keeps the properties")
    func replay() throws {
        let seeds = try inputs("Corpus/TLSSessionFuzz")
        #expect(!seeds.isEmpty)
        try #require(FixedCertificate.contexts != nil)
        for (name, input) in seeds + (try inputs("Failures/TLSSessionFuzz")) {
            let violation = input.withUnsafeBytes { SessionProperties.receive($0) }
            #expect(violation == nil, "\(name)")
        }
    }

    /// The files of a folder in `Fuzz`, in the order of their names.
    private func inputs(_ folder: String) throws -> [(name: String, bytes: [UInt8])] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appending(path: "Fuzz/\(folder)")
        let names = try FileManager.default.contentsOfDirectory(atPath: path.path).filter { !$0.hasPrefix(".") }
        return try names.sorted().map { ($0, Array(try Data(contentsOf: path.appending(path: $0)))) }
    }
}
