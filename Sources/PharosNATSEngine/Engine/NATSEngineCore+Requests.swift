import PharosCluster
import PharosDomain

/// The requests of relays, each given to the part that carries it out.
extension NATSEngineCore {
    func take(_ submissions: [NATSBackend.Submission]) {
        for submission in submissions {
            guard !isClosed else {
                refuse(submission, .internalError)
                continue
            }
            switch submission.request {
            case .follow(let channel, let options): follow(channel, options, submission.relay)
            case .unfollow(let channel): unfollow(channel, submission.relay)
            case .announce, .publish, .read, .readBackwards, .removeHistory:
                if connection.isReady { carryOut(submission) } else { park(submission) }
            }
        }
        mark()
        deliver()
    }

    func carryOut(_ submission: NATSBackend.Submission) {
        guard !connection.isCongested else { return refuse(submission, .internalError) }
        let relay = submission.relay
        let ticket = submission.ticket
        switch submission.request {
        case .publish(let publish): self.publish(publish, Completion(relay: relay, ticket: ticket))
        case .read(let channel, let options, let after, let limit, _):
            read(channel, options, .forwards(after: after), limit, Completion(relay: relay, ticket: ticket))
        case .readBackwards(let channel, let options, let before, let limit, _):
            read(channel, options, .backwards(before: before), limit, Completion(relay: relay, ticket: ticket))
        case .removeHistory(let channel, let options):
            order(.removeHistory, of: channel, options, Completion(relay: relay, ticket: ticket))
        case .announce(let change, let channel): announce(change, channel)
        case .follow, .unfollow: break
        }
    }

    func refuse(_ submission: NATSBackend.Submission, _ error: ReplyError) {
        guard submission.request.hasCompletion else { return }
        complete(Completion(relay: submission.relay, ticket: submission.ticket), .failure(error))
    }
}
