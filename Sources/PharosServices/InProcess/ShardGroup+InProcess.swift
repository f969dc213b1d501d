package import PharosDomain
import PharosEdge
package import PharosProtocol

/// The way in for the program around the server.
extension ShardGroup {
    /// Carries out one call of the server API, with every permission.
    ///
    /// Calls about one channel that one task makes are carried out in its order.
    package func callAPI(_ request: APIRequest) async -> Result<APIResult, ReplyError> {
        await withCheckedContinuation { continuation in
            let call = DirectCall(request) { continuation.resume(returning: $0) }
            // A call that is refused here is dropped, and answers for itself.
            node.post(.directCall(call), to: shard(for: request))
        }
    }

    /// Calls about a channel go where they are carried out.
    private func shard(for request: APIRequest) -> Int {
        if case .owner(let channel) = request.route { node.owner(of: channel) } else { pickShard() }
    }

    /// How many subscriptions a channel has, all shards together; those inside the process are among them.
    package func subscriberCount(of channel: ChannelName) async -> Int {
        var sum = 0
        for mailbox in node.mailboxes {
            let part: Int? = await withCheckedContinuation { continuation in
                let call = CountCall(channel) { continuation.resume(returning: $0) }
                mailbox.post(.countSubscribers(call))
            }
            sum += part ?? 0
        }
        return sum
    }

    /// Adds a subscriber. Returns at once; the receiver is told how it went.
    ///
    /// What is published by calls that begin after this has returned is heard.
    package func join(_ join: InProcessJoin) {
        // A join that is refused here is dropped, and answers for itself.
        node.post(.joinInProcess(join), to: node.owner(of: join.ticket.channel))
    }

    /// Removes a subscriber. It may hear of what is under way.
    package func leave(_ ticket: InProcessTicket) {
        node.post(.leaveInProcess(ticket), to: node.owner(of: ticket.channel))
    }
}
