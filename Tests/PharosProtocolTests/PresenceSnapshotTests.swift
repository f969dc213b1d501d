import PharosBytes
import PharosDomain
import PharosProtocol
import Testing

@Suite("the snapshot's JSON") struct PresenceSnapshotTests {
    private func request(_ text: String) throws(ReplyError) -> APISnapshot {
        let bytes = Array(text.utf8)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: bytes)
        return try APISnapshot(body: UnsafeRawBufferPointer(buffer))
    }

    @Test("a request names a cursor and a limit, or nothing")
    func requests() throws {
        #expect(try request("") == APISnapshot())
        #expect(try request("{}").limit == 1_000)
        #expect(try request(#"{"limit":99999,"cursor":"abc","more":[1]}"#).limit == 10_000)
        #expect(try request(#"{"limit":5,"cursor":"abc"}"#).cursor == "abc")
        for wrong in ["[", "1", #"{"limit":-1}"#, #"{"limit":"1"}"#, #"{"cursor":1}"#, "{} x"] {
            let error = #expect(throws: ReplyError.self) { try request(wrong) }
            #expect(error?.code == 107)
        }
    }

    @Test("a page has its number, its clients and where the next one begins, even if empty")
    func pages() {
        func encoded(_ result: Result<PresenceSnapshot, ReplyError>) -> String {
            var writer = ByteWriter()
            APIResultEncoder.encode(result.map { APIResult.value($0) }, into: &writer)
            return String(decoding: writer.array, as: UTF8.self)
        }
        #expect(
            encoded(.success(PresenceSnapshot(sequence: 0, clients: [], nextCursor: "")))
                == #"{"result":{"sequence":0,"clients":[],"next_cursor":""}}"#)
        let ann = PresenceSnapshot.Client(
            client: "c1", user: "ann", transport: "sse", channels: ["a", "b\""], connectedAtMs: 17_999)
        let nobody = PresenceSnapshot.Client(
            client: "c2", user: "", transport: "raw", channels: [], connectedAtMs: 18_000)
        #expect(
            encoded(.success(PresenceSnapshot(sequence: 42, clients: [ann, nobody], nextCursor: "c2")))
                == #"{"result":{"sequence":42,"clients":[{"client":"c1","user":"ann","transport":"sse","#
                + #""channels":["a","b\""],"connected_at":17},{"client":"c2","transport":"raw","channels":[],"#
                + #""connected_at":18}],"next_cursor":"c2"}}"#)
        #expect(encoded(.failure(.notAvailable)) == #"{"error":{"code":108,"message":"not available"}}"#)
    }
}
