extension NodeCounters {
    /// Adds another shard's part.
    mutating func add(_ other: NodeCounters) {
        currentConnections += other.currentConnections
        currentClients += other.currentClients
        currentUsers += other.currentUsers
        currentRawConnections += other.currentRawConnections
        currentRawBytes += other.currentRawBytes
        currentSubscriptions += other.currentSubscriptions
        currentChannels += other.currentChannels
        connectionsAccepted += other.connectionsAccepted
        connectionsRefused.merge(other.connectionsRefused) { $0 + $1 }
        acceptErrors += other.acceptErrors
        messagesReceived += other.messagesReceived
        bytesReceived += other.bytesReceived
        messagesSent += other.messagesSent
        bytesSent += other.bytesSent
        sends += other.sends
        publications += other.publications
        commands.merge(other.commands) { $0 + $1 }
        apiCalls.merge(other.apiCalls) { $0 + $1 }
        apiErrors.merge(other.apiErrors) { $0 + $1 }
        replyErrors.merge(other.replyErrors) { $0 + $1 }
        disconnects.merge(other.disconnects) { $0 + $1 }
        unsubscribes.merge(other.unsubscribes) { $0 + $1 }
        recoveries += other.recoveries
        recoveryFailures += other.recoveryFailures
        recoveredPublications += other.recoveredPublications
        slowClosed += other.slowClosed
        slowClosedByTotal += other.slowClosedByTotal
        droppedPublications += other.droppedPublications
        replacedPublications += other.replacedPublications
        storeErrors += other.storeErrors
        currentStoreLosses += other.currentStoreLosses
        currentWaitingPolls += other.currentWaitingPolls
        currentPolledSessions += other.currentPolledSessions
        currentParkedSessions += other.currentParkedSessions
        reclaimed += other.reclaimed
        currentTLSConnections += other.currentTLSConnections
        currentTLSHandshakes += other.currentTLSHandshakes
        tlsHandshakes += other.tlsHandshakes
        tlsHandshakesResumed += other.tlsHandshakesResumed
        tlsHandshakesFailed += other.tlsHandshakesFailed
        tlsHandshakesRefused += other.tlsHandshakesRefused
        http2.add(other.http2)
        currentResponderRequests += other.currentResponderRequests
        currentBodyBytes += other.currentBodyBytes
        currentNodes = max(currentNodes, other.currentNodes)
        partialAnswers += other.partialAnswers
        rejectedMessages += other.rejectedMessages
        engine.add(other.engine)
        clientNames.merge(other.clientNames) { $0 + $1 }
    }
}
