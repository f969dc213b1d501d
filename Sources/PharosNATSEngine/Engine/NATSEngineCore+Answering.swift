import PharosCluster
import PharosDomain

/// The answers to orders, once their commits have ended.
extension NATSEngineCore {
    /// Reports what no live message has brought, and answers.
    func stored(_ commit: ChannelCommit, _ sequence: UInt64, _ key: WriterKey) {
        noteStored(commit, sequence, key)
        if let follow = follows[key.channel], follow.lastSequence < sequence {
            for part in commit.parts {
                guard case .append(let append, let except) = commit.orders[part.order].work else { continue }
                var envelope = PublicationEnvelope(publication: append.publication, except: except)
                envelope.publication.offset = part.offset
                report(envelope, epoch: commit.after.position.epoch, of: key.channel)
            }
        }
        let stored = Set(commit.parts.map(\.order))
        answer(commit.orders, commit.answers, sequence: sequence, of: stored)
    }

    func answer(
        _ orders: [ChannelOrder], _ answers: [ChannelCommit.Answer], sequence: UInt64 = 0, of stored: Set<Int> = []
    ) {
        for (index, (order, answer)) in zip(orders, answers).enumerated() {
            let outcome: EngineOutcome = order.append == nil ? .done : .position(answer.position)
            complete(order, .success(outcome), sequence: stored.contains(index) ? sequence : 0)
        }
    }

    func complete(_ order: ChannelOrder, _ result: Result<EngineOutcome, ReplyError>, sequence: UInt64 = 0) {
        switch order.relay {
        case NATSEngineCore.forwardedRelay: completeForwarded(order.ticket, result, sequence: sequence)
        case 0...: complete(Completion(relay: order.relay, ticket: order.ticket), result)
        default: break
        }
    }
}
