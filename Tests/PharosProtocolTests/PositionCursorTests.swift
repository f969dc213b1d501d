import PharosDomain
import PharosProtocol
import Testing

@Suite("Cursors and positions as text")
struct PositionCursorTests {
    private func decoded(_ text: String, limit: Int = 128) -> [String]? {
        (try? PositionCursor.decode(text, channelLimit: limit))?.map { "\($0.channel) \($0.position.text)" }
    }

    private func error(_ text: String, limit: Int = 128) -> CursorError? {
        do throws(CursorError) {
            _ = try PositionCursor.decode(text, channelLimit: limit)
            return nil
        } catch {
            return error
        }
    }

    @Test("a cursor as the documentation shows it")
    func golden() {
        let position = StreamPosition(offset: 42, epoch: "Xq3kP0aZ")
        #expect(PositionCursor.encode([("news", position)]) == "v1.bmV3cw~Xq3kP0aZ~42")
        #expect(decoded("v1.bmV3cw~Xq3kP0aZ~42") == ["news Xq3kP0aZ:42"])
        #expect(PositionCursor.encode([]) == "v1.")
        #expect(decoded("v1.") == [])
    }

    @Test("several channels keep their order, whatever their names hold")
    func channels() {
        let names = ["news", "a.b~c:d", "новости?&=", "\u{1F600}", "#42", "a\"\n"]
        let positions = names.enumerated().map { (index, name) in
            (channel: name, position: StreamPosition(offset: .max - UInt64(index), epoch: index == 0 ? "" : "e-_9"))
        }
        let text = PositionCursor.encode(positions)
        #expect(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "&") })
        #expect(decoded(text) == positions.map { "\($0.channel) \($0.position.text)" })
    }

    @Test("another version is told from garbage")
    func versions() {
        #expect(error("v2.bmV3cw~e~1") == .unknownVersion)
        #expect(error("v10.") == .unknownVersion)
        for text in ["", "v1", "v.", "vx.a", "1.", "42", "V1.bmV3cw~e~1"] {
            #expect(error(text) == .malformed, "\(text)")
        }
    }

    @Test(
        "only what is written is read",
        arguments: [
            "bmV3cw", "bmV3cw~e", "bmV3cw~e~", "bmV3cw~e~x", "bmV3cw~e~-1", "bmV3cw~e~+1", "bmV3cw~e~01", "bmV3cw~e~1~",
            "bmV3cw~e~18446744073709551616", "bmV3cw~e~1.", ".bmV3cw~e~1", "bmV3cw~e~1..bmV3cx~e~1", "~e~1",
            "bmV3cw==~e~1",
            "bmV3c~e~1", "bmV3cx~e~1 ", "bmV+cw~e~1", "gA~e~1", "bmV3cw~e e~1", "bmV3cw~é~1", "bmV3cw~e~1.bmV3cw~e~2",
            "bmV3cw~eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee~1",
        ])
    func malformed(entries: String) {
        #expect(error("v1." + entries) == .malformed)
    }

    @Test("one channel more than the limit is refused")
    func limit() {
        let text = "v1.YQ~e~1.Yg~e~2"
        #expect(decoded(text, limit: 2) == ["a e:1", "b e:2"])
        #expect(error(text, limit: 1) == .tooManyChannels(limit: 1))
        #expect(error("v1.YQ~e~1", limit: 0) == .tooManyChannels(limit: 0))
    }

    @Test("an epoch that would break the form becomes another epoch, which means a gap")
    func foreignEpoch() {
        #expect(PositionCursor.encode([("a", StreamPosition(offset: 1, epoch: "x~y.z\n"))]) == "v1.YQ~x_y_z_~1")
    }

    @Test("single positions")
    func single() throws {
        #expect(try StreamPosition(text: "Xq3kP0aZ:42") == StreamPosition(offset: 42, epoch: "Xq3kP0aZ"))
        #expect(try StreamPosition(text: "42") == StreamPosition(offset: 42))
        #expect(try StreamPosition(text: ":42") == StreamPosition(offset: 42))
        #expect(StreamPosition(offset: 42, epoch: "e").text == "e:42" && StreamPosition(offset: 0).text == "0")
        for text in ["", ":", "e:", "e", "e:x", "e:1:2", "e:-1", "e: 1", "e e:1", "007"] {
            #expect(throws: CursorError.malformed, "\(text)") { try StreamPosition(text: text) }
        }
    }
}
