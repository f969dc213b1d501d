import PharosTestKit
import Testing

/// Replays the seeds and former findings of the fuzzers of the engine over NATS.
@Suite("fuzzers' inputs, the engine over NATS")
struct NATSEngineFuzzReplayTests {
    /// `NATSEngineProperties` is compiled into these tests through a symbolic link.
    private static let properties: [(fuzzer: String, property: @Sendable (UnsafeRawBufferPointer) -> String?)] = [
        ("NATSEngineFuzz", { NATSEngineProperties.messages($0) })
    ]

    @Test("every seed and every input that once failed keeps the properties", arguments: properties.indices)
    func replay(index: Int) throws {
        let (fuzzer, property) = Self.properties[index]
        let inputs = try FuzzInputs(of: fuzzer)
        #expect(!inputs.seeds.isEmpty)
        #expect(inputs.violations(of: property) == [], "\(fuzzer)")
    }
}
