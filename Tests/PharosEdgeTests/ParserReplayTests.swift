import PharosTestKit
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
        let inputs = try FuzzInputs(of: fuzzer)
        #expect(!inputs.seeds.isEmpty)
        #expect(inputs.violations(of: property) == [], "\(fuzzer)")
    }
}
