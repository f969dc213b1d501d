import PharosBytes
package import PharosDomain

/// Sends recorded events to their origins, and reports the connected clients.
///
/// Each origin's events go in order and one batch at a time. Origins do not wait for one another. See `DispatchPlan` for
/// what happens when one does not acknowledge.
package final class EventDispatcher: Sendable {
    private struct State: Sendable {
        var counters = DispatchCounters()
        var tasks: [Task<Void, Never>] = []
        var pauses: [OriginName: Task<Void, Never>] = [:]
        var isEnding = false
        /// The time to end is over.
        var isAbandoned = false
    }

    private let queue: any EventQueue
    private let sender: any EventSender
    private let deadLetters: any DeadLetterLog
    private let settings: HookSettings
    private let origins: [OriginName]
    private let timing: DispatchTiming
    private let limits: EventBatchLimits
    private let report: @Sendable (DispatchEvent) -> Void
    private let state = Locked(State())

    package init(
        queue: any EventQueue, sender: any EventSender, deadLetters: any DeadLetterLog, settings: HookSettings,
        timing: DispatchTiming = .real, limits: EventBatchLimits = EventBatchLimits(),
        report: @escaping @Sendable (DispatchEvent) -> Void
    ) {
        self.queue = queue
        self.sender = sender
        self.deadLetters = deadLetters
        self.settings = settings
        origins = EventRules(settings).origins
        self.timing = timing
        self.limits = limits
        self.report = report
    }

    package var counters: DispatchCounters { state.withLock { $0.counters } }

    package func start() {
        var tasks = Set(origins + queue.storedOrigins).sorted().map { origin in
            Task { await self.sendEvents(to: origin) }
        }
        if settings.keepAliveInterval > 0, !origins.isEmpty { tasks.append(Task { await self.keepReporting() }) }
        state.withLock { $0.tasks = tasks }
    }

    /// Sends the events that are left, for at most `milliseconds`.
    ///
    /// Those that could not be sent stay in the log.
    package func stop(within milliseconds: Int64) async {
        let (tasks, pauses) = state.withLock { state in
            state.isEnding = true
            return (state.tasks, Array(state.pauses.values))
        }
        queue.release()
        for pause in pauses { pause.cancel() }
        let deadline = Task { await timing.sleep(milliseconds) }
        let finishing = Task {
            for task in tasks { await task.value }
            deadline.cancel()
        }
        // A sender that does not come back is not waited for.
        await deadline.value
        finishing.cancel()
        state.withLock { $0.isAbandoned = true }
        for task in tasks { task.cancel() }
    }

    /// At most some ten thousand years.
    private static func milliseconds(_ seconds: Double) -> Int64 { Int64(min(max(seconds, 0), 3e11) * 1_000) }

    private var isEnding: Bool { state.withLock { $0.isEnding } }

    // MARK: Events

    private func sendEvents(to origin: OriginName) async {
        var plan = DispatchPlan(keptForMs: EventDispatcher.milliseconds(settings.eventsKeptFor))
        var action = plan.started()
        while !state.withLock({ $0.isAbandoned }) {
            switch action {
            case .read(let acknowledged):
                let events = await queue.next(for: origin, after: acknowledged, limits: limits)
                action = plan.eventsRead(events, nowMs: timing.wallMs(), isOverfull: isOverfull)
            case .send(let events):
                let isAcknowledged = await sender.send(events, to: origin)
                count(events, isAcknowledged, isNew: plan.isFailing == isAcknowledged, origin)
                action = plan.answered(
                    isAcknowledged, nowMs: timing.wallMs(), isOverfull: isOverfull, chance: timing.chance(),
                    isEnding: isEnding)
            case .wait(let milliseconds):
                await pause(origin, milliseconds)
                action = plan.waited()
            case .deadLetter(let events):
                let isWritten = deadLetters.append(events, for: origin, nowMs: timing.wallMs())
                if isWritten {
                    state.withLock { $0.counters.buried += UInt64(events.count) }
                    report(.buried(origin: origin, count: events.count))
                }
                action = plan.deadLettered(isWritten, chance: timing.chance(), isEnding: isEnding)
            case .end: return
            }
        }
    }

    /// Whether so much waits that events have to be given up.
    ///
    /// When no further client is admitted, those that are connected still subscribe: so there is a limit to that, too.
    private var isOverfull: Bool { queue.totals.waitingBytes > 2 * settings.eventsMaxSize }

    private func count(_ events: [NumberedEvent], _ isAcknowledged: Bool, isNew: Bool, _ origin: OriginName) {
        state.withLock { state in
            if isAcknowledged {
                state.counters.told += UInt64(events.count)
            } else {
                state.counters.failures += 1
            }
        }
        if isNew { report(isAcknowledged ? .originAnswers(origin) : .originFails(origin)) }
    }

    /// Ends early with the server, so that there is one more attempt.
    private func pause(_ key: OriginName, _ milliseconds: Int64) async {
        let timing = timing
        let pause = state.withLock { state in
            let longest = state.isEnding ? DispatchPlan.longestLastPauseMs : .max
            let pause = Task { await timing.sleep(min(milliseconds, longest)) }
            if !state.isEnding { state.pauses[key] = pause }
            return pause
        }
        await withTaskCancellationHandler {
            await pause.value
        } onCancel: {
            pause.cancel()
        }
        state.withLock { $0.pauses[key] = nil }
    }

    // MARK: Keep-alives

    private static let keepAliveSize = 10_000

    private func keepReporting() async {
        while true {
            await pause("", EventDispatcher.milliseconds(settings.keepAliveInterval))
            if isEnding { return }
            for origin in origins { await reportConnected(to: origin) }
        }
    }

    private func reportConnected(to origin: OriginName) async {
        var cursor = ""
        repeat {
            // A log that cannot be read now is reported by itself, and the next report comes anyway.
            guard
                let roll = try? await queue.roll(of: origin, cursor: cursor, limit: EventDispatcher.keepAliveSize),
                !isEnding
            else { return }
            if !roll.clients.isEmpty {
                let isAcknowledged = await sender.sendKeepAlive(roll.clients, sequence: roll.sequence, to: origin)
                state.withLock { state in
                    if isAcknowledged { state.counters.keepAlives += 1 } else { state.counters.keepAliveFailures += 1 }
                }
            }
            cursor = roll.nextCursor
        } while !cursor.isEmpty
    }
}
