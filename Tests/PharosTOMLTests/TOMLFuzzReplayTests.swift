import PharosTestKit
import Testing

@Suite("fuzzers' inputs, TOML")
struct TOMLFuzzReplayTests {
    /// `DocumentProperties` is compiled into these tests through a symbolic link.
    @Test("every seed and every input that once failed keeps the properties")
    func replay() throws {
        let inputs = try FuzzInputs(of: "TOMLFuzz")
        #expect(!inputs.seeds.isEmpty)
        #expect(inputs.violations(of: DocumentProperties.toml) == [])
    }
}
