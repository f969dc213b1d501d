import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Stateless polls that wait in one channel, all at the same position.
///
/// The next publication is the same answer to all of them.
struct PollCrowd {
    fileprivate(set) var members: [ConnectionID] = []
    /// The position of all members.
    fileprivate(set) var position = StreamPosition()

    var isEmpty: Bool { members.isEmpty }
}

/// The entry of a connection's poll in its crowd.
struct CrowdSeat {
    var generation: UInt32
    /// The index of the channel's record.
    var channel: Int
    var index: Int
}

/// The polls that make up a crowd: nothing is kept for each of them but its seat.
extension PollService {
    /// Begins a poll whose query was read before, if it has to wait.
    ///
    /// If false nothing has happened: the query is to be read.
    mutating func pollAsBefore(_ id: ConnectionID, _ head: RequestHead, _ core: inout ShardCore, _ edge: inout Edge)
        -> Bool
    {
        guard let plan = plans.find(head.query), isDecidedByQuery(head, core) else { return false }
        let index = hold(plan.channel, &core, &edge)
        guard let known = core.channels[index].position, plan.waits(at: known), mayJoinCrowd(index, core) else {
            return false
        }
        edge.park(id)
        joinCrowd(id, of: index, until: edge.nowMs + plan.waitMs, &core, &edge)
        return true
    }

    /// A poll waits in a crowd; the same query will do the same again.
    mutating func remember(_ head: RequestHead, _ request: PollRequest, _ core: borrowing ShardCore) {
        guard isDecidedByQuery(head, core), request.token.isEmpty, let channel = request.channels.first,
            let options = try? core.rules.resolve(channel.name).options, options.subscribeHook.isEmpty
        else { return }
        plans.remember(PollPlan(query: head.query, channel: channel, waitSeconds: request.waitSeconds))
    }

    /// Whether nothing but its query decides on a poll's user and channels.
    private func isDecidedByQuery(_ head: RequestHead, _ core: borrowing ShardCore) -> Bool {
        core.node.settings.client.userIDHTTPHeader.isEmpty && core.node.settings.hooks.connect.isEmpty
            && head.header("authorization") == nil && head.header("request-timeout") == nil
    }

    func isInCrowd(_ id: ConnectionID) -> Bool {
        crowdSeats.contains(Int(id.slot)) && crowdSeats[Int(id.slot)].generation == id.generation
    }

    /// Whether the crowd of a channel is at the channel's position.
    func mayJoinCrowd(_ index: Int, _ core: borrowing ShardCore) -> Bool {
        held[index].crowd.isEmpty || held[index].crowd.position == core.channels[index].position
    }

    /// Adds a poll that is at the channel's position, and waits.
    mutating func joinCrowd(
        _ id: ConnectionID, of index: Int, until deadlineMs: Int64, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let seat = held[index].crowd.members.count
        if seat == 0, let position = core.channels[index].position { held[index].crowd.position = position }
        held[index].crowd.members.append(id)
        crowdSeats.insert(CrowdSeat(generation: id.generation, channel: index, index: seat), at: Int(id.slot))
        edge.setTimer(id, atMs: deadlineMs)
    }

    /// Takes a poll out of its crowd; the index of its channel, nil: it is in none.
    mutating func leaveCrowd(_ id: ConnectionID, _ core: borrowing ShardCore) -> Int? {
        guard isInCrowd(id) else { return nil }
        leave(id, core)
        let seat = crowdSeats[Int(id.slot)]
        crowdSeats.remove(at: Int(id.slot))
        let last = held[seat.channel].crowd.members.removeLast()
        if last != id {
            held[seat.channel].crowd.members[seat.index] = last
            crowdSeats[Int(last.slot)].index = seat.index
        }
        return seat.channel
    }

    /// All polls in crowds.
    var crowded: [ConnectionID] {
        heldIndices.flatMap { held[$0].crowd.members }
    }

    /// A publication for the crowd of a channel: one answer, shared by all.
    mutating func answerCrowd(
        _ index: Int, _ publication: Publication, _ epoch: Epoch, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let position = held[index].crowd.position
        var news = StatelessPoll.Channel(name: core.channels[index].name, start: .after(position), position: position)
        guard news.arrived(publication, epoch: epoch) else { return }
        let answer = preparePoll(news, &core, &edge)
        var members: [ConnectionID] = []
        swap(&members, &held[index].crowd.members)
        for id in members {
            crowdSeats.remove(at: Int(id.slot))
            leave(id, core)
            edge.respond(id, answer)
        }
        // The memory stays: they are about to come back.
        members.removeAll(keepingCapacity: true)
        swap(&members, &held[index].crowd.members)
    }

    /// Answers a poll in a crowd whose time is over; false: the timer was another's.
    ///
    /// Nothing came, so its position stays.
    mutating func crowdPollTimedOut(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) -> Bool {
        guard let index = leaveCrowd(id, core) else { return false }
        let position = held[index].crowd.position
        PollAnswerEncoder.encode(
            [PollChannelAnswer(channel: core.channels[index].name, position: position, recovered: true)],
            into: &core.scratch)
        core.scratch.withBytes { edge.respond(id, status: 200, headers: ShardCore.noStore, body: $0) }
        core.scratch.removeAll()
        return true
    }
}
