import PharosDomain
import PharosProtocol
import Testing

@Suite("Delta payloads")
struct DeltaPayloadTests {
    private let first = String(repeating: "the same in both, ", count: 8)

    private func publication(_ text: String, isJSON: Bool = true) -> Publication {
        var publication = Publication(data: utf8(text))
        publication.isJSON = isJSON
        return publication
    }

    private func texts(_ data: [UInt8]) throws -> String {
        try Wire.texts("[" + String(decoding: data, as: UTF8.self) + "]")[0]
    }

    @Test("bytes: whole without a base, a difference where that is shorter")
    func bytes() throws {
        let (one, two) = (publication(first + "1", isJSON: false), publication(first + "2", isJSON: false))
        let whole = DeltaPayload.bytes.publication(one, after: nil)
        #expect(whole == one)
        let delta = DeltaPayload.bytes.publication(two, after: DeltaBase(one))
        #expect(delta.isDelta && delta.data.count < two.data.count)
        #expect(try FossilDelta.apply(delta.data, to: one.data, limit: 4_096) == two.data)
        let other = publication("{}")
        #expect(DeltaPayload.bytes.publication(other, after: DeltaBase(one)) == other)
    }

    @Test("JSON: whole payloads and differences are the text of a string")
    func json() throws {
        let (one, two) = (publication("\"\(first)1\""), publication("\"\(first)2\""))
        let whole = DeltaPayload.jsonText.publication(one, after: nil)
        #expect(!whole.isDelta && whole.isJSON && !whole.isBase64)
        #expect(try texts(whole.data) == "\"\(first)1\"")
        let delta = DeltaPayload.jsonText.publication(two, after: DeltaBase(one))
        #expect(delta.isDelta && delta.isJSON)
        #expect(try FossilDelta.apply(utf8(try texts(delta.data)), to: one.data, limit: 4_096) == two.data)
    }

    @Test("JSON: a payload that is none is base64, and differences are between those")
    func base64() throws {
        let (one, two) = (publication(first + "1", isJSON: false), publication(first + "2", isJSON: false))
        let whole = DeltaPayload.jsonText.publication(one, after: nil)
        #expect(whole.isJSON && whole.isBase64)
        let base = try texts(whole.data)
        #expect(base == "\"\(Base64.encode(one.data))\"")
        let delta = DeltaPayload.jsonText.publication(two, after: DeltaBase(one))
        #expect(delta.isDelta && delta.isBase64)
        #expect(
            try FossilDelta.apply(utf8(try texts(delta.data)), to: utf8(base), limit: 4_096)
                == utf8("\"\(Base64.encode(two.data))\"")
        )
    }

    @Test(
        "a list: the first whole, each following one after its predecessor", arguments: [DeltaPayload.bytes, .jsonText])
    func list(payload: DeltaPayload) {
        let publications = (1...3).map { publication("\"\(first)\($0)\"") }
        let sent = payload.publications(publications)
        #expect(sent.map(\.isDelta) == [false, true, true])
        #expect(sent[2] == payload.publication(publications[2], after: DeltaBase(publications[1])))
        #expect(payload.publications([]) == [])
    }
}
