import PharosTestKit
import Testing

@Suite("HTTP/2 sessions for any input")
struct HTTP2ReplayTests {
    @Test("seeds and inputs that once failed hold the properties")
    func replay() throws {
        let inputs = try FuzzInputs(of: "HTTP2SessionFuzz")
        #expect(!inputs.seeds.isEmpty)
        #expect(inputs.violations(of: HTTP2Properties.receive) == [])
    }
}
