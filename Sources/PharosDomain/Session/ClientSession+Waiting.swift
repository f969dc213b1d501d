/// Which commands wait for the answer to an earlier one.
extension ClientSession {
    /// Whether `command` waits for the answer to an earlier one.
    ///
    /// So pipelined commands see what those before them did. A connect and the verification of a token hold up everything. A
    /// subscribe holds up the commands about its channel, and a publication that the application is asked about the next ones.
    @inlinable package func mustWait(_ command: Command) -> Bool {
        // Almost always nothing is under way, and that is seen without looking at the command.
        if pending.isEmpty, questions.isEmpty {
            if case .connecting = state { return true }
            return false
        }
        return isHeldUp(command)
    }

    @usableFromInline func isHeldUp(_ command: Command) -> Bool {
        if case .connecting = state { return true }
        if pending.contains(where: \.isVerifying) { return true }
        if case .publish? = command.request, isPublishAsked { return true }
        guard let channel = command.request?.awaitedChannel,
            let waiting = pending.first(where: { $0.channel == channel })
        else { return false }
        // A client that takes its subscribe back need not wait for the application.
        if case .unsubscribe? = command.request, waiting.isAsking { return false }
        return true
    }
}

extension Request {
    /// The channel whose subscribe must be answered before the request.
    ///
    /// A second subscribe does not wait: it is refused.
    fileprivate var awaitedChannel: ChannelName? {
        switch self {
        case .unsubscribe(let channel), .presence(let channel), .presenceStats(let channel): channel
        case .publish(let request): request.channel
        case .history(let request): request.channel
        case .subRefresh(let request): request.channel
        case .connect, .subscribe, .ping, .send, .rpc, .refresh, .malformed: nil
        }
    }
}
