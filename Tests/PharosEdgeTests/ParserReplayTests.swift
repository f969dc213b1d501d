import Foundation
import Testing

/// Replays the seeds of the edge's fuzzers and their former findings.
///
/// It checks the properties that they check.
@Suite("Fuzzers' inputs of the edge")
struct ParserReplayTests {
    typealias Property = @Sendable (UnsafeRawBufferPointer) -> String?

    /// `ParserProperties` is compiled into these tests through a symbolic link.
    private static let properties: [(fuzzer: String, property: Property)] = [
        ("RequestHeadFuzz", { ParserProperties.requestHead($0) }),
        ("WebSocketFrameFuzz", { ParserProperties.webSocketFrames($0) }),
        ("CompressedFrameFuzz", { ParserProperties.compressedFrames($0) }),
    ]

    @Test("every seed and every input that once failed keeps the properties", arguments: properties.indices)
    func replay(index: Int) throws {
        let (fuzzer, property) = Self.properties[index]
        let seeds = try inputs("Corpus/\(fuzzer)")
        #expect(!seeds.isEmpty)
        for (name, input) in seeds + (try inputs("Failures/\(fuzzer)")) {
            let violation = input.withUnsafeBytes { property($0) }
            #expect(violation == nil, "\(fuzzer): \(name)")
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
