import PharosCluster
import PharosDomain
import PharosRedis

/// The consequences of links that are lost and come back.
///
/// Relays have one word for all links: it is said when the first is lost, and taken back when all are there again.
extension RedisEngineCore {
    func isGone(_ master: RedisMaster) {
        for (channel, home) in homes where home === master { interrupt(channel) }
        for waited in own.release(ObjectIdentifier(master)) { complete(waited.ask, waited.outcome) }
        guard !isLost, !isClosed else { return }
        isLost = true
        for inbox in inboxes.values { inbox.add(.linkLost) }
        noteHealth()
    }

    func isBack(_ master: RedisMaster) {
        report("\(master.name): connected")
        noteLinks()
    }

    func doubts(_ master: RedisMaster) {
        guard !isClosed else { return }
        topology.look()
        noteHealth()
    }

    func topologyChanged() {
        guard !isClosed else { return }
        for channel in Array(followed.channels) {
            let master = topology.master(ofTag: RedisNames.tag(of: channel))
            if master !== homes[channel] || master == nil && !topology.isLooking { rehome(channel) }
        }
        let asks = unrouted
        unrouted = []
        take(asks)
        noteLinks()
    }

    private func noteLinks() {
        noteHealth()
        let masters = topology.masters
        guard isLost, !isClosed, !masters.isEmpty, masters.allSatisfy(\.isBack) else { return }
        isLost = false
        for channel in followed.channels { _ = followed.takeInterruption(channel) }
        for inbox in inboxes.values { inbox.add(.linkRegained) }
    }
}
