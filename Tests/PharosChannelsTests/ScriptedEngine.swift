import PharosDomain

/// An engine that notes its requests, and reports what the test says.
final class ScriptedEngine: ChannelEngine {
    private(set) var requests: [(request: EngineRequest, ticket: UInt64)] = []
    private var reports: [EngineEvent] = []

    func submit(_ request: EngineRequest, ticket: UInt64, at now: Moment, into events: inout [EngineEvent]) {
        requests.append((request, ticket))
        // Members are reported as they are announced; everything else waits for the test.
        if case .announce(let change, let channel) = request { events.append(.member(channel: channel, change)) }
    }

    func collect(at now: Moment, into events: inout [EngineEvent]) {
        events += reports
        reports = []
    }

    var isShared = true

    func answersAtOnce(_ options: ChannelOptions) -> Bool { false }

    func expire(at now: Moment) {}

    // MARK: The test's side

    func report(_ events: EngineEvent...) { reports += events }

    /// Completes the oldest request that waits.
    func complete(_ result: Result<EngineOutcome, ReplyError>) {
        guard let ticket = takeWaiting()?.ticket else { preconditionFailure("no request waits") }
        reports.append(.completed(ticket: ticket, result))
    }

    /// The requests that want a completion and have none, in words.
    var waiting: [String] { requests.filter(ScriptedEngine.isWaiting).map { ScriptedEngine.word($0.request) } }

    private func takeWaiting() -> (request: EngineRequest, ticket: UInt64)? {
        guard let index = requests.firstIndex(where: ScriptedEngine.isWaiting) else { return nil }
        return requests.remove(at: index)
    }

    private static func isWaiting(_ entry: (request: EngineRequest, ticket: UInt64)) -> Bool { entry.ticket != 0 }

    private static func word(_ request: EngineRequest) -> String {
        switch request {
        case .publish(let publish): "publish \(publish.channel)"
        case .read(let channel, _, let after, let limit, _):
            "read \(channel) after \(after == .max ? "top" : "\(after ?? 0)") \(limit)"
        case .readBackwards(let channel, _, _, let limit, _): "newest \(channel) \(limit)"
        case .removeHistory(let channel, _): "remove \(channel)"
        case .follow(let channel, _): "follow \(channel)"
        case .unfollow(let channel): "unfollow \(channel)"
        case .announce: "announce"
        }
    }

    var followed: [String] {
        requests.filter { $0.ticket == 0 }.map { ScriptedEngine.word($0.request) }.filter { $0 != "announce" }
    }
}
