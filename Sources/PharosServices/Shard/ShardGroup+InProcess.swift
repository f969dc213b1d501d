import CPharosSys
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

    /// The number of subscriptions that a channel has, all shards together.
    ///
    /// Those inside the process are among them.
    package func subscriberCount(of channel: ChannelName) async -> Int {
        let deadlineMs = pharos_monotonic_ms() + 10_000
        return await withCheckedContinuation { continuation in
            let asker = NodeAsker.closure { answers in
                guard case .channels(let counts)? = answers.answer else { return continuation.resume(returning: 0) }
                continuation.resume(returning: counts[channel] ?? 0)
            }
            node.messages.ask(.countSubscribers(channel), of: .all, deadlineMs: deadlineMs, for: asker) {
                node.post($0, to: $1)
            }
        }
    }

    /// Adds a subscriber. Returns at once; the receiver gets the result.
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
