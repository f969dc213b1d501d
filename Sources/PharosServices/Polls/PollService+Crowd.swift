import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Stateless polls that wait in one channel, all at the same position: the next publication is the same answer to all.
struct PollCrowd {
    fileprivate(set) var members: [ConnectionID] = []
    /// Where they stand.
    fileprivate(set) var position = StreamPosition()

    var isEmpty: Bool { members.isEmpty }
}

/// Where a connection's poll stands in its crowd.
struct CrowdSeat {
    var generation: UInt32
    /// The channel's place.
    var channel: Int
    var index: Int
}

/// The polls that make up a crowd: nothing is kept for each of them but its seat.
extension PollService {
    /// Begins a poll whose query was read before, if it has to wait; false, and nothing has happened: it is to be read.
    mutating func pollAsBefore(_ id: ConnectionID, _ head: RequestHead, _ core: inout ShardCore, _ edge: inout Edge)
        -> Bool
    {
        guard let plan = plans.find(head.query), isDecidedByQuery(head, core) else { return false }
        let place = hold(plan.channel, &core, &edge)
        guard let known = core.channels[place].position, plan.waits(at: known), mayJoinCrowd(place, core) else {
            return false
        }
        edge.park(id)
        joinCrowd(id, of: place, until: edge.nowMs + plan.waitMs, &core, &edge)
        return true
    }

    /// A poll waits in a crowd; the same query will do the same again.
    mutating func remember(_ head: RequestHead, _ request: PollRequest, _ core: borrowing ShardCore) {
        guard isDecidedByQuery(head, core), request.token.isEmpty, let channel = request.channels.first,
            let options = try? core.rules.resolve(channel.name).options, options.subscribeHook.isEmpty
        else { return }
        plans.remember(PollPlan(query: head.query, channel: channel, waitSeconds: request.waitSeconds))
    }

    /// Whether nothing but its query decides who a poll is from and what it is for.
    private func isDecidedByQuery(_ head: RequestHead, _ core: borrowing ShardCore) -> Bool {
        core.node.settings.client.userIDHTTPHeader.isEmpty && core.node.settings.hooks.connect.isEmpty
            && head.header("authorization") == nil && head.header("request-timeout") == nil
    }

    func isInCrowd(_ id: ConnectionID) -> Bool {
        crowdSeats.contains(Int(id.slot)) && crowdSeats[Int(id.slot)].generation == id.generation
    }

    /// Whether the crowd of a channel stands where the channel does.
    func mayJoinCrowd(_ place: Int, _ core: borrowing ShardCore) -> Bool {
        held[place].crowd.isEmpty || held[place].crowd.position == core.channels[place].position
    }

    /// The poll stands where the channel does, and waits.
    mutating func joinCrowd(
        _ id: ConnectionID, of place: Int, until deadlineMs: Int64, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let index = held[place].crowd.members.count
        if index == 0, let position = core.channels[place].position { held[place].crowd.position = position }
        held[place].crowd.members.append(id)
        crowdSeats.insert(CrowdSeat(generation: id.generation, channel: place, index: index), at: Int(id.slot))
        edge.setTimer(id, atMs: deadlineMs)
    }

    /// Takes a poll out of its crowd; the place of its channel, nil: it is in none.
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
        _ place: Int, _ publication: Publication, _ epoch: Epoch, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        let position = held[place].crowd.position
        var news = StatelessPoll.Channel(name: core.channels[place].name, start: .after(position), position: position)
        guard news.arrived(publication, epoch: epoch) else { return }
        let answer = preparePoll(news, &core, &edge)
        var members: [ConnectionID] = []
        swap(&members, &held[place].crowd.members)
        for id in members {
            crowdSeats.remove(at: Int(id.slot))
            leave(id, core)
            edge.respond(id, answer)
        }
        // The memory stays: they are about to come back.
        members.removeAll(keepingCapacity: true)
        swap(&members, &held[place].crowd.members)
    }

    /// True when the timer was that of a poll in a crowd: nothing came, so it stands where it stood.
    mutating func crowdPollTimedOut(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) -> Bool {
        guard let place = leaveCrowd(id, core) else { return false }
        let position = held[place].crowd.position
        PollAnswerEncoder.encode(
            [PollChannelAnswer(channel: core.channels[place].name, position: position, recovered: true)],
            into: &core.scratch)
        core.scratch.withBytes { edge.respond(id, status: 200, headers: ShardCore.noStore, body: $0) }
        core.scratch.removeAll()
        return true
    }
}
