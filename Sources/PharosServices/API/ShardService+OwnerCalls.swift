import PharosDomain
import PharosEdge
import PharosProtocol

/// Questions to a channel's owner: answered at once when that is this shard, by mail otherwise.
extension ShardService {
    mutating func call(_ call: OwnerCall, _ channel: String, origin: CallOrigin, _ edge: inout Edge) {
        let ownerShard = node.owner(of: channel)
        guard ownerShard == index else {
            let ticket = calls.add(.owner(origin))
            return node.post(.call(call, shard: index, ticket: ticket), to: ownerShard)
        }
        do throws(ReplyError) {
            finish(origin, .success(try ask(call, &edge).apiResult), &edge)
        } catch {
            finish(origin, .failure(error), &edge)
        }
    }

    /// The owner's answer. A publication is on its way to the subscribers before its publisher is answered.
    mutating func ask(_ call: OwnerCall, _ edge: inout Edge) throws(ReplyError) -> OwnerAnswer {
        switch call {
        case .publish(let order):
            let (position, delivery) = try owner.publish(order, nowMs: edge.nowMs)
            counters.publications += 1
            distribute(delivery, order.channel, &edge)
            return .position(position)
        case .presence(let channel): return .members(owner.members(of: channel))
        case .presenceStats(let channel):
            let (clients, users) = owner.stats(of: channel)
            return .stats(clients: UInt32(clamping: clients), users: UInt32(clamping: users))
        case .history(let order): return .read(try owner.history(order, nowMs: edge.nowMs))
        case .removeHistory(let channel):
            owner.removeHistory(of: channel)
            return .done
        }
    }

    mutating func answered(_ ticket: UInt64, _ answer: Result<OwnerAnswer, ReplyError>, _ edge: inout Edge) {
        guard case .owner(let origin)? = calls.take(ticket) else { return }
        finish(origin, answer.map { $0.apiResult }, &edge)
    }
}

extension OwnerAnswer {
    var apiResult: APIResult {
        switch self {
        case .position(let position): .publish(position)
        case .members(let members): .presence(members)
        case .stats(let clients, let users): .presenceStats(clients: clients, users: users)
        case .read(let read): .history(publications: read.publications, top: read.top)
        case .done: .empty
        }
    }
}
