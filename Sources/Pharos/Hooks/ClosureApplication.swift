import CPharosSys
package import PharosDomain
import PharosServices

/// The closures of the program around, as the shards call them.
///
/// They are alone, or beside an application elsewhere.
package final class ClosureApplication: Sendable {
    private let closures: ClosureOrigin
    private let log: ClosureEventLog

    /// - Parameter refusals: where closures that fail are noted.
    init(_ hooks: PharosServer.Hooks, refusals: RefusalLedger) {
        closures = ClosureOrigin(hooks, refusals: refusals)
        log = ClosureEventLog(hooks)
    }

    /// - Parameter other: answers what is asked of any other name.
    package func origin(besides other: (any Origin)? = nil) -> any Origin {
        guard let other else { return closures }
        return NamedOrigins(closures: closures, other: other)
    }

    /// - Parameter other: gets the reports as well.
    package func events(besides other: (any EventLog)? = nil) -> (any EventLog)? {
        guard let other else { return log.kinds.isEmpty ? nil : log }
        return log.kinds.isEmpty ? other : BothEventLogs(first: other, second: log)
    }

    /// Runs the last connections' moments, for at most five seconds.
    ///
    /// It is called after the shards have ended.
    func finish() async { await log.finish(within: .seconds(5)) }

    /// Takes the reports of the shards beside events.
    func noticed(_ event: ServiceEvent) {
        guard case .publicationsDropped(let client, let user, let channel, let count) = event else { return }
        var told = OriginEvent(.disconnected, atMs: pharos_wall_ms())
        (told.client, told.user, told.channel) = (client, user, channel)
        log.dropped(count, told)
    }
}

private struct NamedOrigins: Origin {
    let closures: ClosureOrigin
    let other: any Origin

    func ask(_ request: HookRequest, of name: OriginName, answer: @escaping @Sendable (HookOutcome) -> Void) {
        if name == ClosureOrigin.name {
            closures.ask(request, of: name, answer: answer)
        } else {
            other.ask(request, of: name, answer: answer)
        }
    }
}

private struct BothEventLogs: EventLog {
    let first: any EventLog
    let second: any EventLog

    var kinds: Set<OriginEvent.Kind> { first.kinds.union(second.kinds) }
    var isAccepting: Bool { first.isAccepting && second.isAccepting }

    func record(_ event: OriginEvent) {
        if first.kinds.contains(event.kind) { first.record(event) }
        if second.kinds.contains(event.kind) { second.record(event) }
    }
}
