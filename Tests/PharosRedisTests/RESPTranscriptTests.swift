import PharosBytes
import Testing

@testable import PharosRedis

/// The decoder against what a real redis-server sent.
@Suite("Recorded replies")
struct RESPTranscriptTests {
    @Test("whole, they are the values that the recorder saw", arguments: Transcript.all)
    func whole(name: String) {
        let transcript = Transcript(name)
        let parsed = Parsed(CollectionOfOne(transcript.received[...]))
        #expect(parsed.notations == transcript.notations)
        #expect(parsed.error == nil)
        #expect(parsed.isBetweenValues)
    }

    @Test("cut at any byte, they are the same values", arguments: Transcript.all)
    func cut(name: String) {
        // A cut of one value matters to that value alone.
        for case .received(let bytes, let notation) in Transcript(name).lines {
            for index in bytes.indices {
                let parsed = Parsed(bytes.cut(at: index))
                #expect(parsed.notations == [notation], "cut at \(index)")
            }
        }
    }

    @Test("byte by byte, they are the same values", arguments: Transcript.all)
    func everyByte(name: String) {
        let transcript = Transcript(name)
        #expect(Parsed(transcript.received.everyByte).notations == transcript.notations)
    }

    @Test("commands recorded are what the writer writes", arguments: Transcript.all)
    func commands(name: String) throws {
        var count = 0
        for case .sent(let bytes) in Transcript(name).lines {
            let value = try #require(Parsed(CollectionOfOne(bytes[...])).values.first)
            var writer = RESPWriter()
            writer.append(RedisCommand(try value.elements().map { .bytes(try $0.bytes()) }))
            #expect(writer.output.array == bytes)
            count += 1
        }
        #expect(count > 0)
    }
}
