package import PharosDomain

/// Counters and gauges of the node, over all shards.
///
/// Those named `current…` are gauges; all others count since the start.
package struct NodeCounters: Sendable {
    package var currentConnections = 0
    package var currentClients = 0
    package var currentUsers = 0
    package var currentSubscriptions = 0
    package var currentRawConnections = 0
    /// Bytes read from raw connections that wait for their origins.
    package var currentRawBytes = 0
    package var currentChannels = 0
    package var connectionsAccepted: UInt64 = 0
    /// By HTTP status that the refused client got.
    package var connectionsRefused: [Int: UInt64] = [:]
    /// Accepts that failed for want of descriptors.
    package var acceptErrors: UInt64 = 0
    package var messagesReceived: UInt64 = 0
    package var bytesReceived: UInt64 = 0
    package var messagesSent: UInt64 = 0
    package var bytesSent: UInt64 = 0
    /// Calls of `send` and `writev`: coalescing makes it smaller than `messagesSent`.
    package var sends: UInt64 = 0
    package var publications: UInt64 = 0
    /// By command name, as on the wire.
    package var commands: [String: UInt64] = [:]
    package var apiCalls: [String: UInt64] = [:]
    package var apiErrors: [UInt32: UInt64] = [:]
    package var replyErrors: [UInt32: UInt64] = [:]
    package var disconnects: [UInt32: UInt64] = [:]
    package var unsubscribes: [UInt32: UInt64] = [:]
    package var recoveries: UInt64 = 0
    package var recoveryFailures: UInt64 = 0
    package var recoveredPublications: UInt64 = 0
    /// Connections closed because their output exceeded the limit.
    package var slowClosed: UInt64 = 0
    /// Of those: closed since all connections together exceeded the limit.
    package var slowClosedByTotal: UInt64 = 0
    /// Publications that slow connections did not get, by their namespace's policy.
    package var droppedPublications: UInt64 = 0
    /// Those that slow connections did not get since a newer one replaced them.
    package var replacedPublications: UInt64 = 0
    /// Publications that the durable store refused.
    package var storeErrors: UInt64 = 0
    /// 1: publications that were confirmed before the start may be missing.
    package var currentStoreLosses = 0
    package var currentWaitingPolls = 0
    package var currentPolledSessions = 0
    /// Clients that are away, and whose state is kept.
    package var currentParkedSessions = 0
    package var currentTLSConnections = 0
    package var currentTLSHandshakes = 0
    /// TLS handshakes that were done.
    package var tlsHandshakes: UInt64 = 0
    /// Of those: the ones that resumed an earlier session.
    package var tlsHandshakesResumed: UInt64 = 0
    package var tlsHandshakesFailed: UInt64 = 0
    /// TLS handshakes that found no room.
    package var tlsHandshakesRefused: UInt64 = 0
    package var http2 = HTTP2Counters()
    /// Idle connections that were ended because new ones needed their slots.
    package var reclaimed: UInt64 = 0
    /// Requests that the responder has not answered yet.
    package var currentResponderRequests = 0
    /// Bytes of request bodies that have not arrived whole.
    package var currentBodyBytes = 0
    /// Nodes that are believed to be there, this one among them.
    package var currentNodes = 1
    /// Answers that lacked the part of a node.
    package var partialAnswers: UInt64 = 0
    /// Messages from other nodes that were none.
    package var rejectedMessages: UInt64 = 0
    package var engine = EngineCounters()
    /// By kind and reason; those that never happened are left out.
    package var refusals: [RefusalKind: [String: UInt64]] = [:]
    /// Connected clients by registered SDK name; others count as `unregistered`.
    package var clientNames: [SDKName: Int] = [:]

    package init() {}
}
