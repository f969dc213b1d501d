import PharosBytes
import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// Long polls without a session: all that is needed to resume is in the request.
///
/// So an answer that is lost costs nothing. State of a poll is kept by its connection's slot.
struct PollService: ~Copyable {
    /// A channel whose record is kept for polls, by the record's index.
    ///
    /// Holds the polls that wait in it.
    struct HeldChannel {
        let name: ChannelName
        /// Polls that wait for news, each of them in a way of its own.
        var polls: [ConnectionID] = []
        /// All others: they get the same answer.
        var crowd = PollCrowd()
        /// Reads under way for polls.
        ///
        /// While there are any, and a little longer, the record stays.
        var reads = 0
        var untilMs: Int64 = 0
    }

    /// Polls that wait; not those of crowds.
    var polls: [UInt32: StatelessPoll] = [:]
    /// Polls that wait in a crowd.
    var crowdSeats = SlotTable<CrowdSeat>()
    var plans = PollPlans()
    /// The first number of the next poll's questions to the application.
    var nextNumber: UInt32 = 0x8000_0000
    /// Addresses of polls that wait; empty while nothing limits connections.
    var admitted: [UInt32: PeerAddress] = [:]
    var held = SlotTable<HeldChannel>()
    /// The indices of channels in `held`.
    private(set) var heldIndices: Set<Int> = []

    var waitingCount: Int { polls.count + crowdSeats.count }

    mutating func poll(
        _ id: ConnectionID, _ head: RequestHead, _ claims: ConnectionClaims?, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        let fields = ShardCore.originFields(head)
        guard core.withinLimits(id, head, fields, &edge) else { return }
        guard admit(id, head, fields, &core, &edge) else { return }
        if fields.isEmpty, claims == nil, pollAsBefore(id, head, &core, &edge) { return }
        let request: PollRequest
        do throws(PollRequestError) {
            request = try PollRequest.decode(query: head.query, fields: RequestFields(head))
        } catch {
            leave(id, core)
            switch error {
            case .parameter(let error): return core.answer(id, 400, error: error.message, fields: fields, &edge)
            case .shortPollingTimeout: return answer(id, .shortPollingTimeout, fields, &core, &edge)
            }
        }
        // What cannot be resumed is not begun.
        guard request.isResumed || request.channels.count <= core.cursorRoom(head) else {
            return core.answer(id, 431, error: ShardCore.addressTooLong, fields: fields, &edge)
        }
        let poll = StatelessPoll(
            connection: id, request: request, originFields: fields, startedMs: edge.nowMs,
            deadlineMs: edge.nowMs + Int64(request.waitSeconds) * 1_000)
        edge.park(id)
        polls[id.slot] = poll
        letIn(id, head, claims, &core, &edge)
        if isInCrowd(id), claims == nil { remember(head, request, core) }
    }

    func waitingPoll(_ id: ConnectionID) -> StatelessPoll? {
        guard let poll = polls[id.slot], poll.connection == id else { return nil }
        return poll
    }

    /// Looks at the channels of a poll that may read all that it asked for.
    mutating func begin(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard var poll = waitingPoll(id) else { return }
        if poll.request.isExclusive, !poll.user.isEmpty {
            poll.exclusiveKey = ExclusivePolls.Key(user: poll.user, channels: poll.channels.map(\.name))
        }
        // Counted as a read, so that nothing is answered before all channels have been looked at.
        poll.reads = 1
        polls[id.slot] = poll
        if let key = poll.exclusiveKey { replaceOlder(key, id, &core) }
        for index in poll.channels.indices { look(id, index, &core, &edge) }
        polls[id.slot]?.reads -= 1
        settlePoll(id, &core, &edge)
    }

    /// Ends the older poll of a user, on whatever shard or node it waits.
    private func replaceOlder(_ key: ExclusivePolls.Key, _ id: ConnectionID, _ core: inout ShardCore) {
        let sequence = core.node.sequences.next()
        if let older = core.node.exclusivePolls.replace(key, with: (core.index, id), sequence: sequence) {
            core.post(.cancelPoll(older.id), to: older.shard)
        }
        guard core.node.cluster != nil else { return }
        core.node.messages.send(.cancelOlderPoll(key, sequence: sequence), to: nil) { core.post($0, to: $1) }
    }

    /// Finds what is newer than the poll's position in one of its channels.
    ///
    /// It is known here if this shard gets the events of the channel.
    private mutating func look(_ id: ConnectionID, _ index: Int, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let channel = polls[id.slot]?.channels[index] else { return }
        let local = hold(channel.name, &core, &edge)
        if let known = core.channels[local].position {
            if channel.start.isCurrent(known) {
                polls[id.slot]?.channels[index].position = known
                held[local].polls.append(id)
                return
            }
        }
        polls[id.slot]?.reads += 1
        held[local].reads += 1
        watch(id, index, channel, &core)
    }

    private mutating func watch(
        _ id: ConnectionID, _ index: Int, _ channel: StatelessPoll.Channel, _ core: inout ShardCore
    ) {
        var since: StreamPosition?
        var limit = Int32(clamping: polls[id.slot]?.request.limit ?? 0)
        switch channel.start {
        case .newest: limit = 0
        case .oldest: break
        case .after(let from): since = StreamPosition(offset: from.offset)
        }
        let order = HistoryOrder(
            channel: channel.name, options: channel.options, limit: limit, since: since, reverse: false)
        core.ask(.watch(order), channel.name, for: .poll(id, channel: index))
    }

    /// A stream has been read for a poll.
    ///
    /// From before the read this shard gets the events of the channel, so nothing is lost in between.
    mutating func answered(
        _ id: ConnectionID, _ index: Int, _ result: Result<ChannelAnswer, ReplyError>, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        guard var poll = waitingPoll(id), index < poll.channels.count else { return }
        let name = poll.channels[index].name
        guard case .success(.read(let read)) = result, let local = core.channels.index(of: name), held.contains(local)
        else {
            return refusePoll(id, 503, "the stream cannot be read", &core, &edge)
        }
        held[local].reads -= 1
        if core.channels[local].position == nil { core.channels[local].position = read.top }
        if case .after(let from) = poll.channels[index].start, !from.epoch.isEmpty, from.epoch != read.top.epoch {
            // Offsets of another epoch mean nothing here: all that is left is sent, and that continuity is lost.
            poll.channels[index].isWhole = false
            poll.channels[index].start = .oldest
            polls[id.slot] = poll
            held[local].reads += 1
            return watch(id, index, poll.channels[index], &core)
        }
        let wasLost = !poll.channels[index].isWhole
        poll.channels[index].found(read)
        if wasLost {
            poll.channels[index].isWhole = false
            poll.channels[index].first = read.publications.first?.offset ?? read.top.offset + 1
        }
        poll.reads -= 1
        polls[id.slot] = poll
        held[local].polls.append(id)
        settlePoll(id, &core, &edge)
    }

    /// Answers if there is something to say, else waits.
    private mutating func settlePoll(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let poll = waitingPoll(id), poll.reads == 0 else { return }
        if poll.hasNews || poll.deadlineMs <= edge.nowMs { return answerPoll(id, &core, &edge) }
        if poll.isPlain, let index = core.channels.index(of: poll.channels[0].name),
            core.channels[index].position == poll.channels[0].position, mayJoinCrowd(index, core)
        {
            finish(id, keepsAdmission: true, &core)
            return joinCrowd(id, of: index, until: poll.deadlineMs, &core, &edge)
        }
        edge.setTimer(id, atMs: poll.deadlineMs)
    }

    // MARK: News

    /// Answers the polls that wait in a channel by a publication.
    ///
    /// Each gets an answer of its own.
    mutating func answer(
        _ publication: Publication, _ epoch: Epoch, _ index: Int, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        if !held[index].crowd.isEmpty { answerCrowd(index, publication, epoch, &core, &edge) }
        guard !held[index].polls.isEmpty else { return }
        var waiting: [ConnectionID] = []
        swap(&waiting, &held[index].polls)
        let name = core.channels[index].name
        for id in waiting {
            guard let own = polls[id.slot]?.channels.firstIndex(where: { $0.name == name }), waitingPoll(id) != nil
            else {
                continue
            }
            let isNews = polls[id.slot]?.channels[own].arrived(publication, epoch: epoch) == true
            if isNews, polls[id.slot]?.reads == 0 {
                answerPoll(id, leaving: name, &core, &edge)
            } else {
                held[index].polls.append(id)
            }
        }
    }

    // MARK: Answers

    private mutating func answerPoll(
        _ id: ConnectionID, leaving channel: ChannelName? = nil, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let poll = waitingPoll(id) else { return }
        finish(id, leaving: channel, &core)
        if poll.request.isRoom, !poll.hasNews {
            let seconds = Int((edge.nowMs - poll.startedMs) / 1_000)
            return answer(
                id, .noNews(room: poll.channels[0].name, seconds: seconds), poll.originFields, &core, &edge)
        }
        PollAnswerEncoder.encode(poll.answers, into: &core.scratch)
        let body = core.scratch.array
        core.scratch.removeAll()
        core.answer(id, 200, fields: poll.originFields + Array(ShardCore.noStore), body: body, &edge)
    }

    /// The answer that many polls of one channel get.
    mutating func preparePoll(_ channel: StatelessPoll.Channel, _ core: inout ShardCore, _ edge: inout Edge)
        -> PreparedResponse
    {
        PollAnswerEncoder.encode([channel.answer], into: &core.scratch)
        defer { core.scratch.removeAll() }
        return core.scratch.withBytes { edge.prepareResponse(status: 200, headers: ShardCore.noStore, body: $0) }
    }

    private func answer(
        _ id: ConnectionID, _ error: RoomPollError, _ fields: [UInt8], _ core: inout ShardCore, _ edge: inout Edge
    ) {
        var text = ByteWriter()
        error.encode(into: &text)
        core.answer(id, error.status, fields: fields, body: text.array, &edge)
    }

    mutating func refusePoll(
        _ id: ConnectionID, _ status: Int, _ message: String, _ core: inout ShardCore, _ edge: inout Edge
    ) {
        guard let poll = waitingPoll(id) else { return }
        finish(id, &core)
        core.answer(id, status, error: message, fields: poll.originFields, &edge)
    }

    /// A newer poll of the same user has come.
    mutating func cancelPoll(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let poll = waitingPoll(id) else { return }
        finish(id, &core)
        if poll.request.isRoom { return answer(id, .canceled, poll.originFields, &core, &edge) }
        core.answer(id, 409, error: "ended by a newer poll", fields: poll.originFields, &edge)
    }

    /// Forgets a poll; `leaving`: the channel whose list of polls the caller holds.
    private mutating func finish(
        _ id: ConnectionID, leaving: ChannelName? = nil, keepsAdmission: Bool = false, _ core: inout ShardCore
    ) {
        guard let poll = polls.removeValue(forKey: id.slot) else { return }
        if !keepsAdmission { leave(id, core) }
        if !core.facts.isEmpty { core.facts[id.slot] = nil }
        if let key = poll.exclusiveKey { core.node.exclusivePolls.remove(key, (core.index, id)) }
        for channel in poll.channels where channel.name != leaving {
            guard let index = core.channels.index(of: channel.name), held.contains(index) else { continue }
            if channel.position == nil { held[index].reads -= 1 }
            held[index].polls.removeAll { $0 == id }
        }
    }

    /// True if the timer was a poll's.
    mutating func timedOut(_ id: ConnectionID, _ core: inout ShardCore, _ edge: inout Edge) -> Bool {
        if crowdPollTimedOut(id, &core, &edge) { return true }
        if let poll = waitingPoll(id) {
            if poll.reads > 0 {
                refusePoll(id, 503, "the stream could not be read in time", &core, &edge)
            } else {
                answerPoll(id, &core, &edge)
            }
            return true
        }
        return false
    }

    /// The connection of a poll has gone before its answer.
    mutating func connectionClosed(_ id: ConnectionID, _ core: inout ShardCore) {
        if leaveCrowd(id, core) != nil { return }
        if waitingPoll(id) != nil { finish(id, &core) }
    }

    /// Every poll that waits is answered: its client comes back elsewhere.
    mutating func end(_ core: inout ShardCore, _ edge: inout Edge) {
        for id in crowded where leaveCrowd(id, core) != nil {
            core.answer(id, 503, error: "shutting down", fields: [], &edge)
        }
        for poll in Array(polls.values) { refusePoll(poll.connection, 503, "shutting down", &core, &edge) }
    }

    // MARK: Channels kept for polls

    /// Keeps the record of a channel for a while.
    mutating func hold(_ name: ChannelName, _ core: inout ShardCore, _ edge: inout Edge) -> Int {
        let index = core.localChannel(name, &edge)
        if !core.channels[index].isHeldForPolls {
            core.channels[index].isHeldForPolls = true
            core.channels[index].references += 1
            held.insert(HeldChannel(name: name), at: index)
            heldIndices.insert(index)
        }
        held[index].untilMs = edge.nowMs + Int64(core.node.settings.transports.pollChannelLinger * 1_000)
        return index
    }

    /// Lets go of channels in which no poll has waited for a while.
    mutating func release(_ core: inout ShardCore, _ edge: inout Edge) {
        guard !heldIndices.isEmpty else { return }
        for index in heldIndices {
            guard held[index].polls.isEmpty, held[index].crowd.isEmpty, held[index].reads <= 0,
                held[index].untilMs <= edge.nowMs || core.shutdownEndsMs != nil
            else { continue }
            heldIndices.remove(index)
            held.remove(at: index)
            core.channels[index].isHeldForPolls = false
            core.leave(index, &edge)
        }
    }
}

extension RequestFields {
    init(_ head: RequestHead) {
        self.init(
            lastEventID: head.header("last-event-id"), authorization: head.header("authorization"),
            requestTimeout: head.header("request-timeout"))
    }
}
