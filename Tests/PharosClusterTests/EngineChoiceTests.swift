import PharosDomain
import Testing

@testable import PharosCluster

@Suite("an engine per namespace")
struct EngineChoiceTests {
    /// Notes what it is asked, and reports what the test says.
    private final class NotingEngine: ChannelEngine {
        var asked: [ChannelName] = []
        var reports: [EngineEvent] = []
        let isShared = true

        func submit(_ request: EngineRequest, ticket: UInt64, at now: Moment, into events: inout [EngineEvent]) {
            asked.append(request.channel)
        }

        func collect(at now: Moment, into events: inout [EngineEvent]) {
            events += reports
            reports = []
        }

        func answersAtOnce(_ options: ChannelOptions) -> Bool { false }

        func expire(at now: Moment) {}
    }

    private let now = Moment(monotonicMs: 0, wallMs: 0)
    private let own = NotingEngine()
    private let other = NotingEngine()

    private func choice() -> EngineChoice {
        EngineChoice([own, other]) { $0.text.hasPrefix("ticks:") ? 1 : 0 }
    }

    private func submit(_ requests: EngineRequest..., to choice: EngineChoice) {
        var events: [EngineEvent] = []
        for (index, request) in requests.enumerated() {
            choice.submit(request, ticket: UInt64(index), at: now, into: &events)
        }
        #expect(events.isEmpty)
    }

    private func words(_ choice: EngineChoice) -> [String] {
        var events: [EngineEvent] = []
        choice.collect(at: now, into: &events)
        return events.map { event in
            switch event {
            case .completed(let ticket, _): "completed \(ticket)"
            case .publication(let channel, _): "publication \(channel)"
            case .member(let channel, _): "member \(channel)"
            case .gap(let channel): "gap \(channel)"
            case .linkLost: "lost"
            case .linkRegained: "regained"
            }
        }
    }

    @Test("each request goes to the engine of its channel's namespace")
    func routed() {
        let choice = choice()
        let options = ChannelOptions()
        submit(
            .follow(channel: "news", options: options), .follow(channel: "ticks:a", options: options),
            .publish(EnginePublish(channel: "ticks:b", publication: Publication(data: []), options: options)),
            .read(channel: "news", options: options, after: nil, limit: 1),
            .readBackwards(channel: "ticks:c", options: options, before: nil, limit: 1),
            .removeHistory(channel: "news", options: options), .unfollow(channel: "ticks:a"), to: choice)
        #expect(own.asked == ["news", "news", "news"])
        #expect(other.asked == ["ticks:a", "ticks:b", "ticks:c", "ticks:a"])
    }

    @Test("a lost link is a gap in the channels that are followed there, and in no other; so is the link regained")
    func lost() {
        let choice = choice()
        let options = ChannelOptions()
        submit(
            .follow(channel: "news", options: options), .follow(channel: "ticks:a", options: options),
            .follow(channel: "ticks:b", options: options), .unfollow(channel: "ticks:b"), to: choice)
        other.reports = [.linkLost]
        own.reports = [.completed(ticket: 7, .success(.done))]
        #expect(words(choice) == ["completed 7", "gap ticks:a"])
        other.reports = [.linkRegained, .completed(ticket: 8, .success(.done))]
        #expect(words(choice) == ["gap ticks:a", "completed 8"])
        own.reports = [.linkLost]
        #expect(words(choice) == ["gap news"])
    }
}
