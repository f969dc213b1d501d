import Glibc
import PharosDomain
import PharosProtocol
import PharosServices
import Synchronization

/// Publications per second and core of CPU, with one subscriber inside the process.
///
/// Three figures: the subscriber's path alone (into the queue, out of it, every publication looked at), and the whole way
/// from a publisher's call through the channel's owner to the subscriber, without history and with.
@main
enum InProcessBenchmark {
    static let count = 2_000_000
    static let payload = Array("{\"price\":101.25,\"symbol\":\"ACME\",\"at\":1700000000}".utf8)

    static func main() async throws {
        var settings = ServerSettings()
        settings.edge.shards = 1
        var log = ChannelOptions()
        log.historySize = 1_000
        log.historyTTL = 600
        settings.channel.namespaces = [ChannelNamespace(name: "log", options: log)]
        let group = try ShardGroup(
            settings: settings, verifier: NoTokens(), responder: nil, version: "bench", openFiles: 1_024,
            listens: false)
        for _ in 0..<3 {
            await report("the subscriber's path") { await subscriberAlone() }
            await report("publish to subscriber, no history") { await wholeWay(group, "news") }
            await report("publish to subscriber, history") { await wholeWay(group, "log:news") }
        }
        group.beginShutdown(windowMs: 0)
        group.join()
    }

    /// Measures a producer that is ahead, in turns of 1,000.
    ///
    /// It is never so far ahead that anything is dropped.
    static func subscriberAlone() async -> (seen: UInt64, dropped: UInt64) {
        let queue = PublicationQueue(limit: 10_000, byteLimit: 16_777_216)
        _ = queue.received(.live(InProcessStart()), in: "news")
        let progress = Progress()
        let reading = Task { await read(queue, progress) }
        let publication = Publication(data: payload)
        var sent = 0
        while sent < count {
            while sent - progress.seen.load(ordering: .relaxed) > 5_000 { await Task.yield() }
            var mustWake = false
            for _ in 0..<1_000 {
                mustWake = queue.received(.publication(publication, epoch: ""), in: "news") || mustWake
            }
            sent += 1_000
            if mustWake { queue.wake() }
        }
        _ = queue.received(.ended(.stopping), in: "news")
        queue.wake()
        return (await reading.value, queue.dropped)
    }

    static func wholeWay(_ group: ShardGroup, _ channel: ChannelName) async -> (seen: UInt64, dropped: UInt64) {
        let queue = PublicationQueue(limit: 10_000, byteLimit: 16_777_216)
        let ticket = InProcessTicket(channel: channel)
        group.join(InProcessJoin(ticket, queue, from: nil))
        _ = await queue.started()
        let progress = Progress()
        let reading = Task { await read(queue, progress) }
        var publish = APIPublish()
        publish.channel = channel
        publish.data = payload
        publish.dataIsJSON = true
        let piece = Array(repeating: Result<APIRequest, ReplyError>.success(.publish(publish)), count: 1_000)
        for number in 0..<count / 1_000 {
            while number * 1_000 - progress.seen.load(ordering: .relaxed) > 5_000 { await Task.yield() }
            _ = await group.callAPI(.batch(APIBatch(piece, parallel: true)))
        }
        group.leave(ticket)
        // Whatever came before is in the queue now.
        _ = await group.subscriberCount(of: channel)
        _ = queue.received(.ended(.stopping), in: channel)
        queue.wake()
        return (await reading.value, queue.dropped)
    }

    static func read(_ queue: PublicationQueue, _ progress: Progress) async -> UInt64 {
        var seen = 0
        var bytes = 0
        while true {
            let entries = await queue.take()
            if entries.isEmpty { break }
            for entry in entries {
                seen += 1
                bytes += entry.publication.data.count
            }
            progress.seen.store(seen, ordering: .relaxed)
        }
        precondition(bytes == seen * payload.count)
        return UInt64(seen)
    }

    static func report(_ what: String, _ body: @Sendable () async -> (seen: UInt64, dropped: UInt64)) async {
        let began = cpuSeconds()
        let (seen, dropped) = await body()
        let cpu = cpuSeconds() - began
        let rate = Double(seen) / cpu
        print("\(what): \(seen) publications, \(Int(cpu * 1_000)) ms of CPU, \(Int(rate)) per second and core")
        if dropped > 0 { print("\(what): \(dropped) were dropped and are not counted") }
    }

    static func cpuSeconds() -> Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000
    }
}

/// How far the reader has come, for a producer that waits.
final class Progress: Sendable {
    let seen = Atomic<Int>(0)
}

struct NoTokens: TokenVerifier {
    func verifyConnection(token: String, nowMs: Int64) -> TokenOutcome<ConnectionClaims> {
        .invalid(TokenFault(.other, "none"))
    }
    func verifySubscription(token: String, nowMs: Int64) -> TokenOutcome<SubscriptionClaims> {
        .invalid(TokenFault(.other, "none"))
    }
    func loadKeys() async {}
}
