import PharosDomain
import PharosEdge
import PharosProtocol

/// Questions to a channel's owner: answered at once when that is this shard and memory knows, later otherwise.
extension ShardService {
    mutating func call(_ call: OwnerCall, _ channel: ChannelName, origin: CallOrigin, _ edge: inout Edge) {
        let ownerShard = node.owner(of: channel)
        guard ownerShard == index else {
            let ticket = calls.add(.owner(origin))
            return node.post(.call(call, shard: index, ticket: ticket), to: ownerShard)
        }
        ask(call, reply: .local(origin), &edge)
    }

    /// The owner's part. A publication is on its way to the subscribers before its publisher is answered.
    mutating func ask(_ call: OwnerCall, reply: CallReply, _ edge: inout Edge) {
        do throws(ReplyError) {
            switch call {
            case .publish(let order):
                if isDurable(order.options) { return store(order, reply, &edge) }
                let (position, delivery) = try owner.publish(order, nowMs: edge.nowMs)
                counters.publications += 1
                distribute(delivery, order.channel, &edge)
                self.reply(.success(.position(position)), to: reply, &edge)
            case .presence(let channel):
                self.reply(.success(.members(owner.members(of: channel))), to: reply, &edge)
            case .presenceStats(let channel):
                let (clients, users) = owner.stats(of: channel)
                let stats = OwnerAnswer.stats(clients: UInt32(clamping: clients), users: UInt32(clamping: users))
                self.reply(.success(stats), to: reply, &edge)
            case .history(let order):
                if isDurable(order.options) { return readHistory(order, reply, &edge) }
                self.reply(.success(.read(try owner.history(order, nowMs: edge.nowMs))), to: reply, &edge)
            case .watch(let order, let shard):
                owner.watch(order.channel, shard: shard)
                tellOccupancy(edge)
                ask(.history(order), reply: reply, &edge)
            case .removeHistory(let channel):
                if isDurable(try rules.resolve(channel).options) { return removeStored(channel, reply) }
                owner.removeHistory(of: channel)
                self.reply(.success(.done), to: reply, &edge)
            }
        } catch {
            self.reply(.failure(error), to: reply, &edge)
        }
    }

    mutating func reply(_ answer: Result<OwnerAnswer, ReplyError>, to reply: CallReply, _ edge: inout Edge) {
        switch reply {
        case .local(let origin): finish(origin, answer.map { $0.apiResult }, &edge)
        case .shard(let shard, let ticket): node.post(.answered(ticket: ticket, answer), to: shard)
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
