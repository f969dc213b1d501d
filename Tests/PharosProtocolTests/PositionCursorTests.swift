import PharosDomain
import PharosProtocol
import Testing

@Suite("Cursors and positions as text")
struct PositionCursorTests {
    private func decoded(_ text: String, limit: Int = 128) -> PositionVector? {
        try? PositionCursor.decode(text, channelLimit: limit)
    }

    private func error(_ text: String, limit: Int = 128) -> CursorError? {
        do throws(CursorError) {
            _ = try PositionCursor.decode(text, channelLimit: limit)
            return nil
        } catch {
            return error
        }
    }

    private typealias Positions = [(channel: ChannelName, position: StreamPosition)]

    private func positions(_ count: Int, name: (Int) -> ChannelName = { "channel-\($0)" }) -> Positions {
        (0..<count).map { (name($0), StreamPosition(offset: UInt64(1_000 + $0), epoch: "Xq3kP0a\($0 % 10)")) }
    }

    private func check(_ positions: Positions) {
        let text = PositionCursor.encode(positions)
        #expect(text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "&") })
        let vector = decoded(text, limit: positions.count)
        #expect(vector?.count == positions.count)
        for (channel, position) in positions { #expect(vector?.position(of: channel) == position) }
    }

    @Test("a cursor as the documentation shows it; the bytes were made by another program")
    func golden() {
        let position = StreamPosition(offset: 42, epoch: "Xq3kP0aZ")
        #expect(PositionCursor.encode([("news", position)]) == "v2.AgEIKlpereQ_Rpkq")
        #expect(decoded("v2.AgEIKlpereQ_Rpkq")?.position(of: "news") == position)
        #expect(decoded("v2.AgEIKlpereQ_Rpkq")?.position(of: "sport") == nil)
        #expect(
            PositionCursor.encode([
                ("a", StreamPosition(offset: 1, epoch: "")), ("b", StreamPosition(offset: 300, epoch: "xy_-9")),
            ]) == "v2.AgL_YN4AAZUVBccv_vSsAg")
        #expect(PositionCursor.encode([]) == "v2.")
        #expect(decoded("v2.")?.count == 0)
    }

    @Test("whatever the channels' names hold, and in whatever order they come")
    func channels() {
        let names = ["news", "a.b~c:d", "новости?&=", "\u{1F600}", "#42", "a\"\n", ""]
        let all = names.enumerated().map { (index, name) in
            (
                channel: ChannelName(name),
                position: StreamPosition(offset: .max - UInt64(index), epoch: index == 0 ? "" : "e-_9")
            )
        }
        check(all)
        #expect(PositionCursor.encode(all) == PositionCursor.encode(all.reversed()))
        for length in 0...64 {
            check([("a", StreamPosition(offset: UInt64(length), epoch: Epoch(String(repeating: "Z", count: length))))])
        }
    }

    @Test("names of one canonical form that differ in their bytes are two channels")
    func namesAreBytes() {
        let composed: ChannelName = "caf\u{e9}"
        let decomposed: ChannelName = "cafe\u{301}"
        let vector = decoded(PositionCursor.encode([(composed, StreamPosition(offset: 1, epoch: "e"))]))
        #expect(vector?.position(of: composed) != nil)
        #expect(vector?.position(of: decomposed) == nil)
    }

    @Test("many channels, whose names take no room")
    func size() {
        for count in [1, 2, 10, 100, 128, 700] { check(positions(count)) }
        let long = positions(100) { "\($0)\(String(repeating: "x", count: 50))" }
        #expect(PositionCursor.encode(long).utf8.count < 1_400)
        #expect(PositionCursor.encode(long).utf8.count <= PositionCursor.sizeLimit(channels: 100))
        for count in [1, 3, 128, 1_000] {
            let most = (0..<count).map {
                (channel: "\($0)" as ChannelName, position: StreamPosition(offset: 1 << 49 - 1, epoch: "Xq3kP0aZ"))
            }
            #expect(PositionCursor.encode(most).utf8.count <= PositionCursor.sizeLimit(channels: count))
            #expect(PositionCursor.room(in: PositionCursor.sizeLimit(channels: count)) == count)
        }
        for size in 0..<2_000 {
            #expect(PositionCursor.sizeLimit(channels: PositionCursor.room(in: size)) <= max(size, 9))
        }
    }

    @Test("hashes are as long as they must be to tell the channels of one cursor apart")
    func collisions() {
        // Among so many names some share the first two bytes of their hashes, and some three.
        let many = positions(700)
        let vector = decoded(PositionCursor.encode(many), limit: 700)
        for (channel, position) in many { #expect(vector?.position(of: channel) == position) }
    }

    @Test("the first version is still read")
    func firstVersion() {
        let text = "v1.bmV3cw~Xq3kP0aZ~42.YS5i~e~7"
        #expect(decoded(text)?.position(of: "news") == StreamPosition(offset: 42, epoch: "Xq3kP0aZ"))
        #expect(decoded(text)?.position(of: "a.b") == StreamPosition(offset: 7, epoch: "e"))
        #expect(decoded(text)?.position(of: "a") == nil)
        #expect(decoded("v1.") == PositionVector([:]))
        #expect(error("v1.YQ~e~1.Yg~e~2", limit: 1) == .tooManyChannels(limit: 1))
        #expect(error("v1.YQ~e~1", limit: 0) == .tooManyChannels(limit: 0))
    }

    @Test(
        "of the first version only what it wrote is read",
        arguments: [
            "bmV3cw", "bmV3cw~e", "bmV3cw~e~", "bmV3cw~e~x", "bmV3cw~e~-1", "bmV3cw~e~+1", "bmV3cw~e~01", "bmV3cw~e~1~",
            "bmV3cw~e~18446744073709551616", "bmV3cw~e~1.", ".bmV3cw~e~1", "bmV3cw~e~1..bmV3cx~e~1", "~e~1",
            "bmV3cw==~e~1", "bmV3c~e~1", "bmV3cx~e~1 ", "bmV+cw~e~1", "gA~e~1", "bmV3cw~e e~1", "bmV3cw~é~1",
            "bmV3cw~e~1.bmV3cw~e~2", "bmV3cw~eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee~1",
        ])
    func malformedFirst(entries: String) {
        #expect(error("v1." + entries) == .malformed)
    }

    @Test("another version is told from garbage")
    func versions() {
        #expect(error("v3.AgEIKlpereQ_Rpkq") == .unknownVersion)
        #expect(error("v10.") == .unknownVersion)
        for text in ["", "v2", "v.", "vx.a", "2.", "42", "V2.AgEIKlpereQ_Rpkq"] {
            #expect(error(text) == .malformed, "\(text)")
        }
    }

    @Test("a cursor cut short, made longer or with a character of another kind is refused")
    func damaged() {
        let text = PositionCursor.encode(positions(5))
        for count in 4..<text.utf8.count { #expect(error(String(text.prefix(count))) == .malformed) }
        for more in ["A", "AA", "AAAA", ".", "=", " "] { #expect(error(text + more) == .malformed) }
        for place in 3..<text.utf8.count {
            for foreign in [UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "/"), 0x20, 0x80] {
                var bytes = Array(text.utf8)
                bytes[place] = foreign
                let refused = bytes.withUnsafeBytes { bytes in
                    (try? PositionCursor.decode(bytes, channelLimit: 128)) == nil
                }
                #expect(refused)
            }
        }
    }

    @Test("one channel more than the limit is refused")
    func limit() {
        let text = PositionCursor.encode(positions(3))
        #expect(decoded(text, limit: 3)?.count == 3)
        #expect(error(text, limit: 2) == .tooManyChannels(limit: 2))
    }

    @Test("an epoch that would break the form becomes another epoch, which means a gap")
    func foreignEpoch() {
        let text = PositionCursor.encode([("a", StreamPosition(offset: 1, epoch: "x~y.z\n"))])
        #expect(decoded(text)?.position(of: "a") == StreamPosition(offset: 1, epoch: "x_y_z_"))
    }

    @Test("a vector of lost positions has a lost one for every channel")
    func lost() {
        #expect(PositionVector.lost.position(of: "any") == StreamPosition(offset: 0, epoch: "_"))
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
