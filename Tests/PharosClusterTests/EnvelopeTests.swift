import PharosCluster
import PharosDomain
import PharosProtocol
import Testing

@Suite struct EnvelopeTests {
    @Test func everythingOfAPublicationComesBack() throws {
        var publication = Publication(
            data: [0, 255, 7],
            info: ClientInfo(user: "ann", client: "c", connectionInfo: [1], channelInfo: [2]), offset: 5,
            tags: ["a": "1", "b": ""], timeMs: 1_700_000_000_123)
        publication.isJSON = false
        publication.allowsDelta = true
        let envelope = PublicationEnvelope(publication: publication, except: ClientID(high: .max, low: 1))
        let back = try PublicationEnvelope(envelope.encoded())
        #expect(back == envelope)
    }

    @Test func fieldsOfALaterVersionAreSkipped() throws {
        let envelope = PublicationEnvelope(publication: Publication(data: [1]))
        let back = try PublicationEnvelope(envelope.encoded() + [15 << 3, 1])
        #expect(back == envelope)
    }

    @Test func bytesCutOffAreRefused() {
        let bytes = PublicationEnvelope(publication: Publication(data: Array(repeating: 1, count: 20))).encoded()
        for count in 1..<bytes.count {
            #expect(throws: MalformedFrame.self) { try PublicationEnvelope(Array(bytes[..<count])) }
        }
    }
}
