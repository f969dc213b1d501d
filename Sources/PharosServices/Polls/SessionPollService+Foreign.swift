import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Polls that reach another node than the one with their session.
///
/// A load balancer may send each poll to any node. The node that has the session carries the poll out, once; the one that
/// the poll has come to passes the answer on.
extension SessionPollService {
    // MARK: The node that the poll has come to

    /// Asks the other nodes to carry out a poll; false: there are none.
    mutating func asksOthers(
        _ id: ConnectionID, _ poll: ForeignPoll, originFields: [UInt8], _ core: inout ShardCore, _ edge: inout Edge
    ) -> Bool {
        guard core.node.cluster != nil, core.node.messages.nodes.count > 1 else { return false }
        edge.park(id)
        waitingPolls[id.slot] = WaitingPoll(poller: id, originFields: originFields, session: nil, shard: core.index)
        let mailbox = core.node.mailboxes[core.index]
        let asker = NodeAsker.closure { answers in
            mailbox.post(.sessionPolled(id, SessionPollService.answer(of: answers)))
        }
        let timeMs = poll.waitMs + SessionPollService.marginMs
        core.node.messages.ask(.pollSession(poll), of: .others, deadlineMs: edge.nowMs + timeMs, for: asker) {
            core.post($0, to: $1)
        }
        return true
    }

    /// Milliseconds beyond the poll's own wait in which other nodes must have answered.
    private static var marginMs: Int64 { 5_000 }

    private static func answer(of answers: NodeAnswers) -> SessionPollAnswer {
        if case .polled(let answer)? = answers.answer { return answer }
        // The one that has the session may be among those that did not answer: with the same cursor all is still there.
        guard answers.missing.isEmpty else { return refusal(503, "a node did not answer") }
        return refusal(404, "unknown session")
    }

    static func refusal(_ status: Int, _ message: String) -> SessionPollAnswer {
        var text = ByteWriter()
        text.appendError(status: status, message)
        return SessionPollAnswer(status: status, body: text.array)
    }

    // MARK: The node that has the session

    /// Carries out a poll that has come to another node.
    mutating func pollForeign(_ poll: ForeignPoll, _ gathering: ShardGathering, _ core: inout ShardCore) {
        let base = poll.cursor.map { PolledSession.base(of: $0) }
        guard let place = core.node.parked.polled(poll.key, base: base) else {
            return gathering.add(.done) { core.post($0, to: $1) }
        }
        lastForeign &+= 1
        // No connection of the edge has this slot.
        let poller = ConnectionID(slot: .max, generation: lastForeign)
        foreignPolls[poller] = gathering
        let order = SessionPollOrder(
            session: place.id, poller: poller, shard: core.index, cursor: poll.cursor, user: poll.user,
            waitMs: poll.waitMs, body: poll.body)
        core.post(.pollSession(order), to: place.shard)
    }

    /// The answer to such a poll; false: it is for a poll of this node.
    mutating func answeredForeign(_ id: ConnectionID, _ answer: SessionPollAnswer, _ core: inout ShardCore) -> Bool {
        guard id.slot == .max else { return false }
        foreignPolls.removeValue(forKey: id)?.add(.polled(answer)) { core.post($0, to: $1) }
        return true
    }
}
