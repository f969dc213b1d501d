import PharosTestKit
import Testing

/// Replays the seeds of the fuzzer and its former findings.
///
/// It checks the properties that the fuzzer checks.
@Suite("Inputs of the TLS fuzzer")
struct SessionReplayTests {
    @Test("every seed and every input that once failed keeps the properties")
    func replay() throws {
        let inputs = try FuzzInputs(of: "TLSSessionFuzz")
        #expect(!inputs.seeds.isEmpty)
        try #require(FixedCertificate.contexts != nil)
        #expect(inputs.violations(of: SessionProperties.receive) == [])
    }
}
