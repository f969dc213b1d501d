import Logging
import NIOCore
import PharosAPI
import PharosConfiguration
import PharosDomain
import PharosOrigin
import PharosServices

/// The application as the configuration names it.
///
/// It is asked and gets its events over HTTP, by closures of the program around, or both.
final class ApplicationLink: Sendable {
    private let origin: HTTPOrigin?
    private let events: EventService?
    /// For the shards.
    let application: Application

    /// Opens the log of events; nothing is asked or sent before the shards and `start`.
    ///
    /// - Throws: an error whose description names what is at fault.
    init(
        _ configuration: PharosConfiguration, closures: ClosureApplication?, group: any EventLoopGroup,
        refusals: RefusalLedger, logger: Logger
    ) throws {
        let settings = configuration.settings
        var remote: HTTPOrigin?
        // The closures stand among the origins, for what is passed on to them; they have no address.
        let origins = settings.hooks.origins.filter { $0.name != ClosureOrigin.name }
        if !origins.isEmpty {
            remote = try HTTPOrigin(origins, node: settings.nodeName, group: group) {
                ServerLog.write($0, to: logger)
                refusals.note($0)
            }
        }
        origin = remote
        if configuration.tellsEvents, let remote {
            let path = settings.store.path
            events = try EventService(
                settings: settings.hooks, directory: path.isEmpty ? nil : path, sender: remote,
                nodeName: settings.nodeName, isOneOfSeveral: settings.engine.kind.isShared,
                report: { ServerLog.write($0, to: logger) })
        } else {
            events = nil
        }
        var application = Application(origin: remote, raw: remote, events: events?.log)
        if let closures {
            application.origin = closures.origin(besides: remote)
            application.events = closures.events(besides: events?.log)
        }
        self.application = application
    }

    func start() { events?.start() }

    /// After the shards: they record to the end.
    func stop() async {
        await events?.stop()
        await origin?.shutdown()
    }

    /// The connected clients; nil: they are kept nowhere.
    var snapshot: SnapshotSource? {
        guard let events else { return nil }
        return { try await events.snapshot(cursor: $0, limit: $1) }
    }

    var health: StoreHealth { events?.health ?? .working }

    func counters() -> ApplicationCounters {
        var counters = ApplicationCounters()
        counters.lanes = (origin?.counters() ?? []).map { lane in
            var count = ApplicationCounters.Lane(origin: lane.origin.text, hook: lane.lane.name)
            count.requests = lane.requests
            count.inFlight = lane.inFlight
            count.durationSeconds = lane.durationSeconds
            for (failure, number) in lane.errors { count.errors[failure.rawValue] = number }
            count.isBreakerOpen = lane.isBreakerOpen
            return count
        }
        guard let events else { return counters }
        let totals = events.counters()
        var told = ApplicationCounters.Events()
        told.waiting = totals.log.waiting
        told.waitingBytes = totals.log.waitingBytes
        told.recorded = totals.log.recorded
        told.lost = totals.log.lost
        told.told = totals.telling.told
        told.failures = totals.telling.failures
        told.deadLetters = totals.telling.buried
        counters.events = told
        return counters
    }
}
