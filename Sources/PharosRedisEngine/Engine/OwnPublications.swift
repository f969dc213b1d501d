/// The answers to publishers that wait for their own publication's report.
///
/// Replies and messages come on two connections, in any order. A publication of a followed channel is to be reported before
/// its publisher is answered, and in the order of the channel, which only the messages have: so the answer waits for the
/// message, but not for ever. A state machine without IO; not thread-safe.
struct OwnPublications<Answer, Link: Hashable> {
    private enum State {
        case sent
        /// The message was reported: the answer need not wait.
        case reported
        case answered(Answer, untilMs: Int64)
    }

    /// With the link that each message is expected on.
    private var states: [UInt64: (state: State, link: Link)] = [:]
    /// Answers that wait, in the order of their ends.
    private var ends: [(number: UInt64, untilMs: Int64)] = []

    /// Publications that are not over.
    var count: Int { states.count }

    /// A publication was sent that is expected to come as a message.
    mutating func sent(_ number: UInt64, _ link: Link) { states[number] = (.sent, link) }

    /// Its message was reported; returns the answer if it waited for that.
    mutating func reported(_ number: UInt64) -> Answer? {
        switch states[number]?.state {
        case .sent?: states[number]?.state = .reported
        case .answered(let answer, _)?:
            states[number] = nil
            return answer
        case .reported?, nil: break
        }
        return nil
    }

    /// The answer is there; returns it unless it has to wait.
    mutating func answered(_ number: UInt64, _ answer: Answer, untilMs: Int64) -> Answer? {
        guard case .sent? = states[number]?.state else {
            states[number] = nil
            return answer
        }
        states[number]?.state = .answered(answer, untilMs: untilMs)
        ends.append((number, untilMs))
        return nil
    }

    /// There will be no message, since the publication was not made.
    mutating func forget(_ number: UInt64) { states[number] = nil }

    /// The answers that have waited long enough.
    mutating func expire(nowMs: Int64) -> [Answer] {
        let count = ends.prefix { $0.untilMs <= nowMs }.count
        defer { ends.removeFirst(count) }
        return ends.prefix(count).compactMap { take($0.number) }
    }

    /// No messages come on a link any more.
    ///
    /// Returns the answers that waited for it, in the order of their ends; no later one has to wait.
    mutating func release(_ link: Link) -> [Answer] {
        let answers = ends.compactMap { states[$0.number]?.link == link ? take($0.number) : nil }
        ends.removeAll { states[$0.number] == nil }
        states = states.filter { $0.value.link != link }
        return answers
    }

    private mutating func take(_ number: UInt64) -> Answer? {
        guard case .answered(let answer, _)? = states[number]?.state else { return nil }
        states[number] = nil
        return answer
    }
}
