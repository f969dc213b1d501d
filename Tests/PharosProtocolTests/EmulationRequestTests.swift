import PharosProtocol
import Testing

@Suite("Emulation requests")
struct EmulationRequestTests {
    private func json(_ text: String, limit: Int = 64) -> Result<EmulationRequest, EmulationError> {
        Result { () throws(EmulationError) in
            try utf8(text).withUnsafeBufferPointer { bytes throws(EmulationError) in
                try EmulationRequest.decodeJSON(UnsafeRawBufferPointer(bytes), dataLimit: limit)
            }
        }
    }

    private func protobuf(_ bytes: [UInt8], limit: Int = 64) -> Result<EmulationRequest, EmulationError> {
        Result { () throws(EmulationError) in
            try bytes.withUnsafeBufferPointer { bytes throws(EmulationError) in
                try EmulationRequest.decodeProtobuf(UnsafeRawBufferPointer(bytes), dataLimit: limit)
            }
        }
    }

    private func request(_ session: String, _ node: String, _ data: String) -> EmulationRequest {
        var request = EmulationRequest()
        request.session = session
        request.node = node
        request.data = utf8(data)
        return request
    }

    @Test("commands arrive as lines in a JSON string")
    func jsonBody() {
        #expect(
            json(#"{"session":"s","node":"n","data":"{\"id\":1}\n{\"id\":2}","more":[null]}"#)
                == .success(request("s", "n", "{\"id\":1}\n{\"id\":2}")))
        #expect(json(#"{"data":"{}","session":"s"}"#) == .success(request("s", "", "{}")))
    }

    @Test("the fields of the Protobuf message: 1 node, 2 session, 3 data")
    func protobufBody() {
        #expect(
            protobuf([0x0A, 1, 0x6E, 0x12, 1, 0x73, 0x1A, 2, 1, 2, 0x20, 5])
                == .success(
                    {
                        var expected = request("s", "n", "")
                        expected.data = [1, 2]
                        return expected
                    }()))
    }

    @Test(
        "what is missing or of another type is malformed",
        arguments: [
            "", "{", "[]", "null", "{}", #"{"session":"s"}"#, #"{"data":"{}"}"#, #"{"session":"","data":"{}"}"#,
            #"{"session":"s","data":""}"#, #"{"session":"s","data":{}}"#, #"{"session":1,"data":"{}"}"#,
            #"{"session":"s","data":"{}"}x"#, #"{"session":"s","data":"\ud800"}"#,
        ])
    func malformed(body: String) {
        guard case .failure(.malformed) = json(body) else {
            Issue.record("accepted")
            return
        }
    }

    @Test("limits of data and names")
    func limits() {
        #expect(json(#"{"session":"s","data":"12345"}"#, limit: 4) == .failure(.dataTooLong(limit: 4)))
        #expect(protobuf([0x12, 1, 0x73, 0x1A, 5, 1, 2, 3, 4, 5], limit: 4) == .failure(.dataTooLong(limit: 4)))
        let long = String(repeating: "s", count: 256)
        guard case .failure(.malformed) = json(#"{"session":"\#(long)","data":"{}"}"#) else {
            Issue.record("accepted")
            return
        }
        guard case .failure(.malformed) = protobuf([0x12, 1, 0x73, 0x1A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]) else {
            Issue.record("accepted")
            return
        }
    }
}
