import PharosCluster
import PharosDomain
import PharosLinks
import PharosNATS
import Testing

@testable import PharosNATSEngine

/// Names, marks and times, without a server.
@Suite("values of the engine over NATS")
struct ValueTests {
    @Test("marks are read as they were written, and nothing else is one")
    func marks() {
        let position = StreamPosition(offset: 7, epoch: "abc")
        for version in [nil, StreamVersion(number: 3, epoch: ""), StreamVersion(number: .max, epoch: "é x")] {
            for kind in [StoredMark.Kind.publication, .signal, .marker] {
                let mark = StoredMark(kind: kind, position: position, count: 4, commit: "w.1", version: version)
                #expect(StoredMark(mark.text) == mark)
            }
        }
        for text in [
            "", "1", "2 P 1 1 e w.1", "1 X 1 1 e w.1", "1 P x 1 e w.1", "1 P 1 2 e w.1", "1 P 1 0 e w.1", "1 P 1 1 e",
        ] {
            #expect(StoredMark(text) == nil)
        }
        #expect(StoredMark("1 P 1 1 e w.1 3 . later")?.version == StreamVersion(number: 3, epoch: ""))
    }

    @Test("live messages are read as they were written")
    func live() {
        let envelope = PublicationEnvelope(publication: Publication(data: [1, 2]), except: ClientID(high: 1, low: 2))
        guard case .publication(let read) = LiveMessage(LiveMessage.publication(envelope).encoded) else {
            Issue.record("no publication")
            return
        }
        #expect(read == envelope)
        let member = MemberChange.leave(ClientInfo(user: "ann", client: "c"))
        guard case .member(member) = LiveMessage(LiveMessage.member(member).encoded) else {
            Issue.record("no member")
            return
        }
        for bytes: [UInt8] in [[], [0], [3, 1], [1, 0xFF], [2]] { #expect(LiveMessage(bytes) == nil) }
    }

    @Test("orders and answers between nodes are read as they were written")
    func forwarded() {
        for history in HistoryUse.allCases {
            var append = StreamAppend(
                channel: "news", publication: Publication(data: [1], tags: ["a": "b"]),
                retention: StreamRetention(size: 5, ttlMs: 6, metaTTLMs: 7), nowMs: 0)
            (append.history, append.idempotencyKey, append.version, append.versionEpoch) = (history, "k", 8, "v")
            let order = ForwardedOrder(append: append, except: ClientID(high: 1, low: 2), isInMemory: true)
            guard let read = ForwardedOrder(order.encoded) else {
                Issue.record("no order")
                continue
            }
            #expect(read.append.channel == "news" && read.append.publication == append.publication)
            #expect(read.append.retention == append.retention && read.append.history == history)
            #expect(read.append.idempotencyKey == "k" && read.append.version == 8 && read.append.versionEpoch == "v")
            #expect(read.except == order.except && read.isInMemory)
        }
        for answer in [
            ForwardedAnswer(.success(StreamPosition(offset: 3, epoch: "e")), sequence: 9),
            ForwardedAnswer(.success(StreamPosition())), ForwardedAnswer(.failure(.internalError)),
            ForwardedAnswer(.failure(.limitExceeded)),
        ] {
            #expect(ForwardedAnswer(answer.encoded) == answer)
        }
        #expect(ForwardedOrder([0xFF]) == nil && ForwardedAnswer([0xFF]) == nil)
    }

    @Test("homes move with their node only, and a channel is shared until all is answered")
    func homes() {
        var homes = Homes()
        homes.change([1, 2, 3], here: 1)
        let channels = (0..<300).map { ChannelName("c\($0)") }
        let before = channels.map { homes.elsewhere($0) }
        for node: UInt64 in [2, 3] { #expect((60...140).contains(before.count { $0 == node })) }
        homes.change([1, 2], here: 1)
        for (channel, home) in zip(channels, before) where home != 3 { #expect(homes.elsewhere(channel) == home) }
        homes.change([1], here: 1)
        #expect(channels.allSatisfy { homes.elsewhere($0) == nil })
        var seen = [homes.isShared("a", nowMs: 0)]
        homes.collided("a", nowMs: 0)
        seen.append(homes.isShared("a", nowMs: 9_999))
        homes.sent("a")
        seen.append(homes.isShared("a", nowMs: 10_000))
        homes.answered("a")
        seen.append(homes.isShared("a", nowMs: 10_000))
        #expect(seen == [false, true, true, false])
    }

    @Test("packs are read as they were written")
    func packs() {
        let envelopes = (0..<3).map { PublicationEnvelope(publication: Publication(data: [UInt8($0)])) }
        #expect(PublicationPack.read(PublicationPack.bytes(envelopes.map { $0.encoded() })) == envelopes)
        #expect(PublicationPack.read([]) == [])
        #expect(PublicationPack.read([0x0A, 9]) == nil)
        let mark = StoredMark(
            kind: .publication, position: StreamPosition(offset: 7, epoch: "e"), count: 3, commit: "c")
        let message = StoredMessage(
            sequence: 1, mark: mark, timeMs: 0, payload: PublicationPack.bytes(envelopes.map { $0.encoded() }))
        #expect(message.envelopes.map(\.publication.offset) == [5, 6, 7])
    }

    @Test("versions of servers that have no atomic batches")
    func versions() {
        for version in ["2.12.1", "2.12.10", "2.15.1", "2.13.0-beta.1", "3.0.0", "2.12.1+build"] {
            #expect(!NATSEngineCore.isTooOld(version))
        }
        for version in ["2.12.0", "2.9.10", "2.11.8-RC.1", "1.4.1", ""] { #expect(NATSEngineCore.isTooOld(version)) }
    }

    @Test("times of the server")
    func times() {
        #expect(ServerClock.milliseconds("1970-01-01T00:00:00Z") == 0)
        #expect(ServerClock.milliseconds("2026-11-30T04:53:55.181426055Z") == 1_796_014_435_181)
        #expect(ServerClock.milliseconds("2024-02-29T23:59:59.9Z") == 1_709_251_199_900)
        for text in ["", "2024-02-29", "2024-02-29T23:59:59", "x024-02-29T23:59:59Z"] {
            #expect(ServerClock.milliseconds(text) == nil)
        }
        var clock = ServerClock()
        #expect(clock.now(nowMs: 5, wallMs: 77) == 77)
        clock.note(1_000, nowMs: 10)
        #expect(clock.now(nowMs: 15, wallMs: 77) == 1_005)
        clock.note(500, nowMs: 20)
        #expect(clock.now(nowMs: 20, wallMs: 77) == 500)
    }

    @Test("the subjects of any channel are subjects")
    func subjects() {
        let names = StreamNames(prefix: "ph.test")
        let retention = RetentionClass(StreamRetention(size: 100, ttlMs: 5_000, metaTTLMs: 0), isInMemory: false)
        for text in ["", "a", "news.sport", "a b*>", "é\u{0}", String(repeating: "x", count: 255)] {
            let channel = ChannelName(text)
            let id = StreamID(of: channel, retention, streams: 8)
            #expect((0..<8).contains(id.part))
            for subject in [
                names.channel(channel, id), names.live(channel), names.key(IdempotencyKey(text), of: channel, id),
                names.salt(id),
            ] {
                #expect(NATSSubject.isPublishable(subject))
            }
        }
        let id = StreamID(retention, part: 3)
        #expect(names.stream(id) == "PH_TEST_F128-0_3")
        #expect(names.all(id) == "ph.test.h.F128-0.3.>")
        #expect(names.live("ab") == "ph.test.l.YWI")
    }

    @Test("sizes of a class are rounded up")
    func classes() {
        func size(_ size: Int) -> Int {
            RetentionClass(StreamRetention(size: size, ttlMs: 1, metaTTLMs: 1), isInMemory: false).size
        }
        #expect([0, 1, 16, 17, 100, 1_000, 1_024, 1_025].map(size) == [0, 16, 16, 32, 128, 1_024, 1_024, 2_048])
    }

    @Test("first epochs differ by channel, salt and span, and by nothing else")
    func firstEpochs() {
        func epoch(_ channel: ChannelName, _ salt: UInt8, _ serverMs: Int64, memoryMs: Int64 = 1_000) -> Epoch {
            FirstEpoch.of(channel, salt: [salt], memoryMs: memoryMs, serverMs: serverMs)
        }
        #expect(epoch("a", 1, 0) == epoch("a", 1, 499))
        #expect(epoch("a", 1, 0) != epoch("a", 1, 500))
        #expect(epoch("a", 1, 0) != epoch("b", 1, 0))
        #expect(epoch("a", 1, 0) != epoch("a", 2, 0))
        #expect(epoch("a", 1, 0, memoryMs: 0) == epoch("a", 1, .max, memoryMs: 0))
    }

    @Test("the index leads to a place at or before what is wanted")
    func index() {
        var index = SequenceIndex(epoch: "e")
        for offset: UInt64 in 1...10_000 { index.note(StreamPosition(offset: offset, epoch: "e"), at: offset * 3) }
        for offset: UInt64 in [1, 2, 500, 9_999, 10_000, 20_000] {
            #expect(index.start(of: offset, epoch: "e") <= offset * 3)
        }
        #expect(index.start(of: 10_000, epoch: "e") > 9_000 * 3)
        #expect(index.start(of: 10_000, epoch: "f") == 1)
        index.note(StreamPosition(offset: 1, epoch: "f"), at: 40_000)
        #expect(index.start(of: 10_000, epoch: "f") == 40_000)
    }

    @Test("the offsets that a read may have")
    func queries() {
        func offsets(_ direction: HistoryQuery.Direction, limit: Int = 10, top: UInt64 = 20) -> ClosedRange<UInt64>? {
            HistoryQuery(direction, limit: limit, retention: StreamRetention(size: 5, ttlMs: 1, metaTTLMs: 0))
                .offsets(top: top)
        }
        #expect(offsets(.forwards(after: nil)) == 16...20)
        #expect(offsets(.forwards(after: 3)) == 16...20)
        #expect(offsets(.forwards(after: 18)) == 19...20)
        #expect(offsets(.forwards(after: 20)) == nil)
        #expect(offsets(.forwards(after: .max)) == nil)
        #expect(offsets(.backwards(before: nil)) == 16...20)
        #expect(offsets(.backwards(before: 18)) == 16...17)
        #expect(offsets(.backwards(before: 16)) == nil)
        #expect(offsets(.backwards(before: .max)) == 16...20)
        #expect(offsets(.forwards(after: nil), limit: 0) == nil)
        #expect(offsets(.forwards(after: nil), top: 0) == nil)
    }

    @Test("a stream of another form is not used")
    func objections() throws {
        let server = NATSEngineSettings(link: .init(addresses: [.init(host: "127.0.0.1", port: 4222)]))
        let id = StreamID(RetentionClass(StreamRetention(size: 5, ttlMs: 1, metaTTLMs: 0), isInMemory: false), part: 0)
        let configuration = StreamConfiguration(id: id, names: StreamNames(prefix: "ph"), settings: server)
        func objection(_ metadata: String) throws -> String? {
            let json = #"{"config":{"name":"x","metadata":\#(metadata)},"ts":"1970-01-01T00:00:01Z"}"#
            let description = try StreamDescription(Array(json.utf8))
            #expect(description.timeMs == 1_000)
            return configuration.objection(to: description)
        }
        #expect(try objection(#"{"pharos_schema":"1","pharos_streams":"8"}"#) == nil)
        #expect(try objection(#"{"pharos_schema":"2","pharos_streams":"8"}"#) != nil)
        #expect(try objection(#"{"pharos_schema":"1","pharos_streams":"4"}"#) != nil)
        #expect(try objection("null") != nil)
    }
}
