import PharosBytes
import PharosProtocol
import Testing

@testable import PharosCLI

@Suite("Bench")
struct BenchTests {
    @Test("a track tells messages in order, late ones and repetitions apart")
    func track() {
        var track = BenchTrack()
        #expect(track.received(0) == .inOrder)
        #expect(track.received(1) == .inOrder)
        #expect(track.received(1) == .duplicate)
        #expect(track.received(4) == .inOrder)
        #expect(track.received(2) == .outOfOrder)
        #expect(track.received(2) == .duplicate)
        #expect(track.received(3) == .outOfOrder)
        #expect(track.received(0) == .duplicate)
    }

    @Test("a track remembers sixty-four messages back")
    func trackWindow() {
        var track = BenchTrack()
        #expect(track.received(0) == .inOrder)
        #expect(track.received(64) == .inOrder)
        #expect(track.received(1) == .outOfOrder)
        #expect(track.received(0) == .duplicate)
        #expect(track.received(1000) == .inOrder)
        #expect(track.received(64) == .duplicate)
    }

    @Test("a marker is read as it was written")
    func marker() {
        let marker = BenchMarker(sentAt: 0x0123_4567_89AB_CDEF, sequence: .max, channel: 0xFFFFFF, number: 7)
        var writer = ByteWriter()
        marker.append(to: &writer)
        #expect(writer.count == BenchMarker.size)
        #expect(BenchMarker(writer.base) == marker)
        writer.set(UInt8(ascii: "g"), at: 5)
        #expect(BenchMarker(writer.base) == nil)
    }

    @Test("quantiles are exact to one class, the maximum is exact")
    func histogram() {
        var histogram = BenchHistogram()
        for value in 1...1000 { histogram.add(UInt64(value) * 1000) }
        let median = histogram.quantile(0.5)
        #expect(median >= 500_000 && median <= 520_000)
        #expect(histogram.quantile(1) == 1_000_000)
        #expect(histogram.maximum == 1_000_000)
        #expect(histogram.bars().map(\.count).reduce(0, +) == 1000)
        #expect(BenchHistogram().quantile(0.5) == 0)
        #expect(BenchHistogram().bars().isEmpty)
    }

    @Test("a histogram takes every number")
    func histogramRange() {
        var histogram = BenchHistogram()
        for value in [0, 1, 31, 32, 63, 64, 1 << 40, UInt64(Int64.max)] { histogram.add(value) }
        #expect(histogram.count == 8)
        #expect(histogram.bars().map(\.count).reduce(0, +) == 8)
    }

    @Test("answers on a publisher's connection are told apart however they are cut")
    func answers() {
        let text =
            "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"result\":{}}HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\nok"
            + "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
        for cut in 0..<text.utf8.count {
            let publisher = BenchPublisher(socket: -1)
            for number in 0..<3 { publisher.add(number: UInt32(number)) { _ in } }
            var taken: [(UInt32, BenchPublisher.Answer)] = []
            let bytes = Array(text.utf8)
            for part in [bytes[..<cut], bytes[cut...]] {
                let isHTTP = part.withUnsafeBytes { publisher.receive($0) { taken.append(($0, $1)) } }
                #expect(isHTTP)
            }
            #expect(taken.map(\.0) == [0, 1, 2])
            #expect(taken.first?.1 == .accepted)
            #expect(taken.last?.1 == .refused("status 401 "))
            #expect(!publisher.hasUnanswered)
        }
    }

    @Test("an error in the body of an answer is a refusal")
    func errorAnswer() {
        let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"error\":{}}".utf8)
        let step = bytes.withUnsafeBytes { BenchPublisher.nextAnswer($0) }
        #expect(step == .complete(size: bytes.count, .refused("status 200 {\"error\":{}}")))
    }

    @Test("what is not HTTP or has no length is malformed")
    func malformedAnswer() {
        for text in ["SSH-2.0-OpenSSH_9\r\n\r\n", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"] {
            #expect(Array(text.utf8).withUnsafeBytes { BenchPublisher.nextAnswer($0) } == .malformed)
        }
    }

    @Test("a plan beyond the open-file limit says what to do")
    func openFiles() {
        var plan = BenchPlan()
        plan.connections = 20_000
        #expect(plan.problem(openFiles: 20_000)?.contains("ulimit -n") == true)
        #expect(plan.problem(openFiles: 40_000) == nil)
    }

    @Test("connections beyond one address's ports come from the next address")
    func sources() {
        var plan = BenchPlan()
        #expect(plan.source(of: 24_999) == nil)
        #expect(plan.source(of: 25_000) == "127.0.0.2")
        #expect(plan.source(of: 25_000 * 250) == "127.0.1.1")
        plan.host = "192.0.2.1"
        #expect(plan.source(of: 25_000) == nil)
    }

    @Test("connections take channels in turn")
    func channels() {
        var plan = BenchPlan()
        plan.channels = 5
        plan.channelsPerConnection = 3
        #expect(plan.channels(of: 0) == [0, 1, 2])
        #expect(plan.channels(of: 1) == [3, 4, 0])
    }

    @Test("processor time is read past any name of a process")
    func processStat() {
        let line = "42 (a ) b) S 7 42 42 0 -1 4194560 100 0 0 0 123 77 5 5 20 0 1 0 100 0 0"
        #expect(BenchProcess.parseStat(line)?.parent == 7)
        #expect(BenchProcess.parseStat(line)?.ticks == 200)
        #expect(BenchProcess.parseKilobytes("Pss:", "Rss:  12 kB\nPss:   7 kB\nPss_Dirty: 3 kB\n") == 7)
    }

    @Test("the replies of the protocol confirm subscriptions")
    func confirmations() {
        let frame = Array("{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{}}\n{\"id\":3,\"subscribe\":{}}".utf8)
        #expect(frame.withUnsafeBytes { BenchPeer.pharos.confirmation($0, format: .json) } == .subscribed(2))
        let refusal = Array("{\"id\":2,\"error\":{\"code\":103,\"message\":\"permission denied\"}}".utf8)
        #expect(
            refusal.withUnsafeBytes { BenchPeer.pharos.confirmation($0, format: .json) }
                == .refused("permission denied (103)"))
    }
}
