/// The next step with one origin's events.
///
/// Each is acknowledged once before the one after it is sent. A batch that was not acknowledged is repeated as it was,
/// after a pause that doubles each time. Events that have waited too long are moved to the dead-letter log, so that the
/// rest goes on. None is moved as long as the origin answers well.
package struct DispatchPlan: Sendable {
    package enum Action: Equatable, Sendable {
        /// Forget all up to this number and read what comes after it, then `eventsRead`.
        case read(after: UInt64)
        /// Send these, then `answered`.
        case send([NumberedEvent])
        /// Then `waited`.
        case wait(milliseconds: Int64)
        /// Write these to the dead-letter log, then call `deadLettered`.
        case deadLetter([NumberedEvent])
        /// There is nothing left, and nothing will come.
        case end
    }

    package static let firstPauseMs: Int64 = 100
    package static let longestPauseMs: Int64 = 30_000
    /// While the server ends, attempts follow one another faster.
    package static let longestLastPauseMs: Int64 = 500

    private let keptForMs: Int64
    private var acknowledged: UInt64 = 0
    /// Read, and not acknowledged.
    private var batch: [NumberedEvent] = []
    private var failures = 0
    private var deadLetterCount = 0

    package init(keptForMs: Int64) {
        self.keptForMs = keptForMs
    }

    /// Whether the last attempt failed.
    package var isFailing: Bool { failures > 0 }

    package func started() -> Action { .read(after: 0) }

    /// Takes the oldest events that wait.
    ///
    /// - Parameters:
    ///   - nowMs: wall time.
    ///   - isOverfull: so much waits that new events have to go to the dead-letter log too.
    package mutating func eventsRead(_ events: [NumberedEvent], nowMs: Int64, isOverfull: Bool) -> Action {
        batch = events
        if batch.isEmpty { return .end }
        // An origin that is known to be down does not get each batch that is too old for it.
        if isFailing, let deadLetters = deadLetters(nowMs: nowMs, isOverfull: isOverfull) { return deadLetters }
        return .send(batch)
    }

    /// Takes the result of a send.
    ///
    /// - Parameter chance: random, from 0 up to 1: spreads the attempts of many servers.
    package mutating func answered(
        _ isAcknowledged: Bool, nowMs: Int64, isOverfull: Bool, chance: Double, isEnding: Bool = false
    ) -> Action {
        if isAcknowledged {
            failures = 0
            return finished()
        }
        failures += 1
        return deadLetters(nowMs: nowMs, isOverfull: isOverfull) ?? pause(chance: chance, isEnding: isEnding)
    }

    package mutating func waited() -> Action { .send(batch) }

    /// Takes the result of a write to the dead-letter log.
    ///
    /// - Parameter isWritten: false: it could not be written, so the events are still to be sent.
    package mutating func deadLettered(_ isWritten: Bool, chance: Double, isEnding: Bool = false) -> Action {
        defer { deadLetterCount = 0 }
        guard isWritten else { return pause(chance: chance, isEnding: isEnding) }
        if deadLetterCount == batch.count { return finished() }
        batch.removeFirst(deadLetterCount)
        return pause(chance: chance, isEnding: isEnding)
    }

    private mutating func finished() -> Action {
        acknowledged = batch.last?.sequence ?? acknowledged
        batch = []
        return .read(after: acknowledged)
    }

    private mutating func deadLetters(nowMs: Int64, isOverfull: Bool) -> Action? {
        let tooOld = isOverfull ? batch[...] : batch.prefix { nowMs - $0.event.atMs >= keptForMs }
        guard !tooOld.isEmpty else { return nil }
        deadLetterCount = tooOld.count
        return .deadLetter(Array(tooOld))
    }

    private func pause(chance: Double, isEnding: Bool) -> Action {
        let longest = isEnding ? DispatchPlan.longestLastPauseMs : DispatchPlan.longestPauseMs
        let doublings = min(max(failures - 1, 0), 16)
        let pause = min(DispatchPlan.firstPauseMs << Int64(doublings), longest)
        // Between half of it and all of it.
        return .wait(milliseconds: pause / 2 + Int64(Double(pause / 2) * chance))
    }
}
