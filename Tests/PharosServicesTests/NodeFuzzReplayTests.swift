import PharosTestKit
import Testing

/// Replays the seeds and former findings of the fuzzers of messages between nodes.
@Suite("fuzzers' inputs, messages between nodes")
struct NodeFuzzReplayTests {
    /// `NodeProperties` is compiled into these tests through a symbolic link.
    private static let properties: [(fuzzer: String, property: @Sendable (UnsafeRawBufferPointer) -> String?)] = [
        ("NodeFrameFuzz", { NodeProperties.frames($0) }),
        ("NodeFragmentsFuzz", { NodeProperties.fragments($0) }),
    ]

    @Test("every seed and every input that once failed keeps the properties", arguments: properties.indices)
    func replay(index: Int) throws {
        let (fuzzer, property) = Self.properties[index]
        let inputs = try FuzzInputs(of: fuzzer)
        #expect(!inputs.seeds.isEmpty)
        #expect(inputs.violations(of: property) == [], "\(fuzzer)")
    }
}
