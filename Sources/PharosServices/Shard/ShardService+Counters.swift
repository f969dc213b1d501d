import PharosChannels
import PharosCluster
import PharosDomain
import PharosEdge

/// The counters of this shard.
extension ShardService {
    func nodeCounters(_ edge: borrowing Edge) -> NodeCounters {
        var all = NodeCounters()
        all.currentConnections = edge.connectionCount
        all.currentClients = core.sessions.clientCount
        all.currentRawConnections = raw.raw.openCount
        all.currentRawBytes = raw.raw.inboundBytes
        // One table for the whole core.node, here and below.
        all.currentUsers = core.index == 0 ? core.node.users.count : 0
        all.currentSubscriptions = core.counters.subscriptions
        all.currentChannels = core.channels.count
        all.connectionsAccepted = edge.counters.accepted
        all.connectionsRefused = edge.counters.refused
        all.acceptErrors = edge.counters.acceptErrors
        all.messagesReceived = edge.counters.messagesReceived
        all.bytesReceived = edge.counters.bytesReceived
        all.messagesSent = edge.counters.messagesSent
        all.bytesSent = edge.counters.bytesSent
        all.sends = edge.counters.sends
        all.publications = relay.counters.publications
        all.commands = core.counters.commands
        all.apiCalls = core.counters.apiCalls
        all.apiErrors = core.counters.apiErrors
        all.replyErrors = core.counters.replyErrors
        all.disconnects = core.counters.disconnects
        all.unsubscribes = core.counters.unsubscribes
        all.recoveries = core.counters.recoveries
        all.recoveryFailures = core.counters.recoveryFailures
        all.recoveredPublications = core.counters.recoveredPublications
        all.slowClosed = core.counters.slowClosed
        all.slowClosedByTotal = edge.counters.slowByTotal
        all.droppedPublications = edge.counters.dropped
        all.replacedPublications = edge.counters.replaced
        all.storeErrors = relay.counters.refusedPublications
        all.currentStoreLosses = core.index == 0 && core.node.stores.loss != nil ? 1 : 0
        all.currentWaitingPolls =
            polls.waitingCount + core.polledSessions.values.count { $0.waiter != nil }
        all.currentPolledSessions = core.polledSessions.count
        all.currentParkedSessions = core.index == 0 ? core.node.parked.count : 0
        all.reclaimed = edge.counters.reclaimed
        all.currentTLSConnections = edge.secureCount
        all.currentTLSHandshakes = edge.handshakeCount
        all.tlsHandshakes = edge.counters.handshakes
        all.tlsHandshakesResumed = edge.counters.handshakesResumed
        all.tlsHandshakesFailed = edge.counters.handshakesFailed
        all.tlsHandshakesRefused = edge.counters.handshakesRefused
        all.http2 = http2Counters(edge)
        all.currentResponderRequests = core.index == 0 ? core.node.responderPlaces.current : 0
        all.currentBodyBytes = core.index == 0 ? core.node.bodyBudget.usedBytes : 0
        all.engine.gaps = relay.counters.gaps
        all.engine.repairs = relay.counters.repairs
        all.engine.repairedPublications = relay.counters.repairedPublications
        all.engine.givenUp = relay.counters.brokenFeeds
        if core.index == 0 {
            all.engine.currentlyLinked = core.node.cluster?.health.isReady == false ? 0 : 1
            // All relays of a node lose the same link.
            all.engine.linksLost = relay.counters.linksLost
            all.currentNodes = core.node.messages.nodes.count
            all.rejectedMessages = core.node.messages.rejectedMessageCount
            all.partialAnswers = core.node.messages.partialAnswerCount
        }
        for (name, count) in zip(core.node.settings.client.registeredNames, core.counters.nameCounts) {
            all.clientNames[name] = count
        }
        all.clientNames["unregistered"] = all.currentClients - core.counters.nameCounts.reduce(0, +)
        return all
    }

    private func http2Counters(_ edge: borrowing Edge) -> HTTP2Counters {
        var counters = HTTP2Counters()
        counters.currentConnections = edge.http2ConnectionCount
        counters.currentStreams = edge.http2StreamCount
        counters.currentWebSockets = edge.http2WebSocketCount
        counters.connections = edge.counters.http2Accepted
        counters.streams = edge.counters.streamsOpened
        counters.resets = edge.http2Resets
        counters.withdrawn = edge.http2Withdrawn
        counters.refused = edge.http2Refused
        counters.ended = edge.counters.http2Ended
        return counters
    }
}
