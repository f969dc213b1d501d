import Foundation
import PharosBytes
import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

/// Dialects and conversations with the seeds and failures of the fuzzers.
@Suite("Fuzzers' inputs in dialects")
struct DialectReplayTests {
    @Test(
        "a dialect decodes as its decoder does, by number as well",
        arguments: ["JSONCommandFuzz", "ProtobufCommandFuzz"])
    func decoders(fuzzer: String) throws {
        let format: WireFormat = fuzzer == "JSONCommandFuzz" ? .json : .protobuf
        let number = format == .json ? DialectTable.json : DialectTable.protobuf
        for input in try inputs(fuzzer) {
            let (decoder, dialect, table) = input.withUnsafeBytes { bytes in
                (
                    commands { commands throws(MalformedFrame) in
                        switch format {
                        case .json: try JSONCommandDecoder.decode(bytes, into: &commands)
                        case .protobuf: try ProtobufCommandDecoder.decode(bytes, into: &commands)
                        }
                    },
                    commands { commands throws(MalformedFrame) in
                        try CentrifugeDialect(format).decode(bytes, into: &commands)
                    },
                    commands { commands throws(MalformedFrame) in
                        try DialectTable.standard.decode(bytes, number, into: &commands)
                    }
                )
            }
            #expect(dialect == decoder && table == decoder)
        }
    }

    private func commands(
        _ decode: (inout [Command]) throws(MalformedFrame) -> Void
    ) -> Result<[Command], MalformedFrame> {
        var commands: [Command] = []
        do throws(MalformedFrame) { try decode(&commands) } catch { return .failure(error) }
        return .success(commands)
    }

    /// Each input is a query and the id in the header; the session answers everything.
    @Test(
        "an event stream begins or is refused, whatever it is asked for", arguments: ["HTTPRequestFuzz", "CursorFuzz"])
    func events(fuzzer: String) throws {
        var begun = 0
        for input in try inputs(fuzzer) {
            (Array(input.dropFirst()) + utf8("&channel=a")).withUnsafeBytes { query in
                var request = ConversationRequest(query: query, fields: RequestFields(lastEventID: query))
                request.cursorSpace = 4_096
                do throws(ConversationRefusal) {
                    let speaker = try DialectSpeaker(EventsDialect(), request)
                    var said = speaker.open(as: "c1")
                    said += speaker.say(Reply(id: 1, result: .connect(ConnectResult())))
                    for command in said.commands where command.id > 1 {
                        said += speaker.say(Reply(id: command.id, result: .subscribe(SubscribeResult())))
                    }
                    #expect(said.messages.count == 1)
                    #expect(speaker.end(.shutdown).count == 1)
                    begun += 1
                } catch {
                    #expect([400, 431].contains(error.status))
                }
            }
        }
        #expect(begun > 0)
    }

    private func inputs(_ fuzzer: String) throws -> [[UInt8]] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let folders = ["Corpus", "Failures"].map { root.appending(path: "Fuzz/\($0)/\(fuzzer)") }
        return try folders.flatMap { folder in
            try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".") }.sorted()
                .map { Array(try Data(contentsOf: folder.appending(path: $0))) }
        }
    }
}
