import PharosBytes
import PharosDomain
import Testing

@testable import PharosNATSEngine

@Suite("streams that are known, and who waits for them")
struct KnownStreamsTests {
    private static let stream = StreamID(
        RetentionClass(StreamRetention(size: 1, ttlMs: 1_000, metaTTLMs: 0), isInMemory: false), part: 0)

    /// Uses the stream and says what is to be done.
    private func use(_ streams: inout KnownStreams, _ name: String, _ log: Locked<[String]>) -> String {
        let step = streams.use(KnownStreamsTests.stream) { use in log.withLock { $0.append("\(name): \(use)") } }
        return "\(step)"
    }

    private func found(_ streams: inout KnownStreams, _ use: StreamUse) {
        for waiter in streams.found(KnownStreamsTests.stream, use) { waiter(use) }
    }

    @Test("one asks, all wait, and all are called")
    func asked() {
        var streams = KnownStreams()
        let log = Locked<[String]>([])
        #expect(use(&streams, "a", log) == "ask")
        #expect(use(&streams, "b", log) == "wait")
        found(&streams, .ready)
        #expect(log.withLock { $0 } == ["a: ready", "b: ready"])
        #expect(use(&streams, "c", log) == "known(PharosNATSEngine.StreamUse.ready)")
        #expect(streams.ready == [KnownStreamsTests.stream])
    }

    @Test("those that wait are called also if the stream is found to be gone meanwhile")
    func goneWhileAsked() {
        var streams = KnownStreams()
        let log = Locked<[String]>([])
        #expect(use(&streams, "a", log) == "ask")
        found(&streams, .ready)
        streams.forget(KnownStreamsTests.stream)
        #expect(use(&streams, "b", log) == "ask")
        // Another one heard the same at the same time.
        streams.forget(KnownStreamsTests.stream)
        #expect(use(&streams, "c", log) == "wait")
        found(&streams, .later)
        #expect(log.withLock { $0 } == ["a: ready", "b: later", "c: later"])
        #expect(use(&streams, "d", log) == "ask")
    }

    @Test("a refusal holds until the link is made anew")
    func refused() {
        var streams = KnownStreams()
        let log = Locked<[String]>([])
        #expect(use(&streams, "a", log) == "ask")
        found(&streams, .refused(.internalError))
        #expect(log.withLock { $0.count } == 1)
        streams.forget(KnownStreamsTests.stream)
        #expect(use(&streams, "b", log).hasPrefix("known(PharosNATSEngine.StreamUse.refused"))
        streams.forgetRefusals()
        #expect(use(&streams, "c", log) == "ask")
    }
}
