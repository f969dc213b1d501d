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
extension ShardService {
    /// Begins a poll whose query was read before, if it has to wait; false, and nothing has happened: it is to be read.
    mutating func pollAsBefore(_ id: ConnectionID, _ head: RequestHead, _ edge: inout Edge) -> Bool {
        guard let plan = pollPlans.find(head.query), isDecidedByQuery(head) else { return false }
        let place = holdForPolls(plan.channel, &edge)
        guard let known = channels[place].position, plan.waits(at: known), mayJoinCrowd(place) else { return false }
        edge.park(id)
        joinCrowd(id, of: place, until: edge.nowMs + plan.waitMs, &edge)
        return true
    }

    /// A poll waits in a crowd; the same query will do the same again.
    mutating func rememberPoll(_ head: RequestHead, _ request: PollRequest) {
        guard isDecidedByQuery(head), request.token.isEmpty, let channel = request.channels.first,
            let options = try? rules.resolve(channel.name).options, options.subscribeHook.isEmpty
        else { return }
        pollPlans.remember(PollPlan(query: head.query, channel: channel, waitSeconds: request.waitSeconds))
    }

    /// Whether nothing but its query decides who a poll is from and what it is for.
    private func isDecidedByQuery(_ head: RequestHead) -> Bool {
        claimed == nil && node.settings.client.userIDHTTPHeader.isEmpty && node.settings.hooks.connect.isEmpty
            && head.header("authorization") == nil && head.header("request-timeout") == nil
    }

    func isInCrowd(_ id: ConnectionID) -> Bool {
        crowdSeats.contains(Int(id.slot)) && crowdSeats[Int(id.slot)].generation == id.generation
    }

    /// Whether the crowd of a channel stands where the channel does.
    func mayJoinCrowd(_ place: Int) -> Bool {
        channels[place].crowd.isEmpty || channels[place].crowd.position == channels[place].position
    }

    /// The poll stands where the channel does, and waits.
    mutating func joinCrowd(_ id: ConnectionID, of place: Int, until deadlineMs: Int64, _ edge: inout Edge) {
        let index = channels[place].crowd.members.count
        if index == 0, let position = channels[place].position { channels[place].crowd.position = position }
        channels[place].crowd.members.append(id)
        crowdSeats.insert(CrowdSeat(generation: id.generation, channel: place, index: index), at: Int(id.slot))
        edge.setTimer(id, atMs: deadlineMs)
    }

    /// Takes a poll out of its crowd; the place of its channel, nil: it is in none.
    mutating func leaveCrowd(_ id: ConnectionID) -> Int? {
        guard isInCrowd(id) else { return nil }
        leavePollPlace(id)
        let seat = crowdSeats[Int(id.slot)]
        crowdSeats.remove(at: Int(id.slot))
        let last = channels[seat.channel].crowd.members.removeLast()
        if last != id {
            channels[seat.channel].crowd.members[seat.index] = last
            crowdSeats[Int(last.slot)].index = seat.index
        }
        return seat.channel
    }

    /// All polls in crowds.
    var crowded: [ConnectionID] {
        var all: [ConnectionID] = []
        channels.forEach { all += $0.crowd.members }
        return all
    }

    /// A publication for the crowd of a channel: one answer, shared by all.
    mutating func answerCrowd(_ place: Int, _ publication: Publication, _ epoch: Epoch, _ edge: inout Edge) {
        let position = channels[place].crowd.position
        var news = StatelessPoll.Channel(name: channels[place].name, start: .after(position), position: position)
        guard news.arrived(publication, epoch: epoch) else { return }
        let answer = preparePoll(news, &edge)
        var members: [ConnectionID] = []
        swap(&members, &channels[place].crowd.members)
        for id in members {
            crowdSeats.remove(at: Int(id.slot))
            leavePollPlace(id)
            edge.respond(id, answer)
        }
        // The memory stays: they are about to come back.
        members.removeAll(keepingCapacity: true)
        swap(&members, &channels[place].crowd.members)
    }

    /// True when the timer was that of a poll in a crowd: nothing came, so it stands where it stood.
    mutating func crowdPollTimedOut(_ id: ConnectionID, _ edge: inout Edge) -> Bool {
        guard let place = leaveCrowd(id) else { return false }
        let position = channels[place].crowd.position
        PollAnswerEncoder.encode(
            [PollChannelAnswer(channel: channels[place].name, position: position, recovered: true)], into: &scratch)
        scratch.withBytes { edge.respond(id, status: 200, headers: ShardService.noStore, body: $0) }
        scratch.removeAll()
        return true
    }
}
