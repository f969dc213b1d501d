import PharosTestKit
import Testing

/// Replays the seeds of the fuzzers and their former findings.
///
/// It checks the properties that the fuzzers check.
@Suite("Fuzzers' inputs")
struct FuzzReplayTests {
    typealias Property = @Sendable (UnsafeRawBufferPointer) -> String?

    /// `CodecProperties` is compiled into these tests through a symbolic link.
    private static let properties: [(fuzzer: String, property: Property)] = [
        ("JSONCommandFuzz", { CodecProperties.json($0) }),
        ("ProtobufCommandFuzz", { CodecProperties.protobuf($0) }),
        ("ServerAPIFuzz", { CodecProperties.serverAPI($0) }),
        ("FossilDeltaFuzz", { CodecProperties.delta($0) }),
        ("HTTPRequestFuzz", { CodecProperties.requests($0) }),
        ("CursorFuzz", { CodecProperties.cursors($0) }),
        ("IdentifierFuzz", { CodecProperties.identifiers($0) }),
        ("RawServiceFuzz", { CodecProperties.rawService($0) }),
        ("HookAnswerFuzz", { CodecProperties.hookAnswer($0) }),
    ]

    @Test("every seed and every input that once failed keeps the properties", arguments: properties.indices)
    func replay(index: Int) throws {
        let (fuzzer, property) = Self.properties[index]
        let inputs = try FuzzInputs(of: fuzzer)
        #expect(!inputs.seeds.isEmpty)
        #expect(inputs.violations(of: property) == [], "\(fuzzer)")
    }
}
