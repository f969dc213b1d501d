import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Long polls without a session: everything that is needed to resume is in the request, so a lost answer costs nothing.
extension ShardService {
    /// No intermediary may keep an answer for another poll.
    static var noStore: UnsafeRawBufferPointer {
        let line: StaticString = "Cache-Control: no-store\r\n"
        return UnsafeRawBufferPointer(start: line.utf8Start, count: line.utf8CodeUnitCount)
    }

    mutating func poll(_ id: ConnectionID, _ head: RequestHead, _ edge: inout Edge) {
        let fields = ShardService.originFields(head)
        guard withinLimits(id, head, fields, &edge) else { return }
        guard takePollPlace(id, head, fields, &edge) else { return }
        if fields.isEmpty, pollAsBefore(id, head, &edge) { return }
        let request: PollRequest
        do throws(PollRequestError) {
            request = try PollRequest.decode(query: head.query, fields: RequestFields(head))
        } catch {
            leavePollPlace(id)
            switch error {
            case .parameter(let error): return answer(id, 400, error: error.message, fields: fields, &edge)
            case .shortPollingTimeout: return answer(id, .shortPollingTimeout, fields, &edge)
            }
        }
        // What cannot be resumed is not begun.
        guard request.isResumed || request.channels.count <= cursorRoom(head, shortenedBy: 0) else {
            return answer(id, 431, error: ShardService.addressTooLong, fields: fields, &edge)
        }
        let poll = StatelessPoll(
            connection: id, request: request, originFields: fields, startedMs: edge.nowMs,
            deadlineMs: edge.nowMs + Int64(request.waitSeconds) * 1_000)
        edge.park(id)
        polls[id.slot] = poll
        letIn(id, head, &edge)
        if isInCrowd(id) { rememberPoll(head, request) }
    }

    func waitingPoll(_ id: ConnectionID) -> StatelessPoll? {
        guard let poll = polls[id.slot], poll.connection == id else { return nil }
        return poll
    }

    /// The poll may read all that it asked for: from where, and what is there?
    mutating func begin(_ id: ConnectionID, _ edge: inout Edge) {
        guard var poll = waitingPoll(id) else { return }
        if poll.request.isExclusive, !poll.user.isEmpty {
            poll.exclusiveKey = ExclusivePolls.Key(user: poll.user, channels: poll.channels.map(\.name))
        }
        // Counted as a read, so that nothing is answered before all channels have been looked at.
        poll.reads = 1
        polls[id.slot] = poll
        if let key = poll.exclusiveKey, let older = node.exclusivePolls.replace(key, with: (index, id)) {
            if older.shard == index {
                cancelPoll(older.id, &edge)
            } else {
                node.post(.cancelPoll(older.id), to: older.shard)
            }
        }
        for place in poll.channels.indices { look(id, place, &edge) }
        polls[id.slot]?.reads -= 1
        settlePoll(id, &edge)
    }

    /// Finds out what is newer than the poll's position in one of its channels: here, if this shard hears of the channel.
    private mutating func look(_ id: ConnectionID, _ place: Int, _ edge: inout Edge) {
        guard let channel = polls[id.slot]?.channels[place] else { return }
        let local = holdForPolls(channel.name, &edge)
        if let known = channels[local].position {
            if channel.start.isCurrent(known) {
                polls[id.slot]?.channels[place].position = known
                channels[local].polls.append(id)
                return
            }
        }
        polls[id.slot]?.reads += 1
        channels[local].pollReads += 1
        watch(id, place, channel, &edge)
    }

    private mutating func watch(
        _ id: ConnectionID, _ place: Int, _ channel: StatelessPoll.Channel, _ edge: inout Edge
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
        call(.watch(order, shard: index), channel.name, origin: .poll(id, channel: place), &edge)
    }

    /// A stream has been read for a poll. From before the read this shard hears of the channel, so nothing falls between.
    mutating func pollRead(
        _ id: ConnectionID, _ place: Int, _ result: Result<APIResult, ReplyError>, _ edge: inout Edge
    ) {
        guard var poll = waitingPoll(id), place < poll.channels.count else { return }
        let name = poll.channels[place].name
        guard case .success(.history(let publications, let top)) = result, let local = channels.index(of: name) else {
            return refusePoll(id, 503, "the stream cannot be read", &edge)
        }
        channels[local].pollReads -= 1
        if channels[local].position == nil { channels[local].position = top }
        if case .after(let from) = poll.channels[place].start, !from.epoch.isEmpty, from.epoch != top.epoch {
            // Offsets of another epoch mean nothing here: all that is left is told, and that continuity is lost.
            poll.channels[place].isWhole = false
            poll.channels[place].start = .oldest
            polls[id.slot] = poll
            channels[local].pollReads += 1
            return watch(id, place, poll.channels[place], &edge)
        }
        let wasLost = !poll.channels[place].isWhole
        poll.channels[place].found(StreamRead(top: top, publications: publications))
        if wasLost {
            poll.channels[place].isWhole = false
            poll.channels[place].first = publications.first?.offset ?? top.offset + 1
        }
        poll.reads -= 1
        polls[id.slot] = poll
        channels[local].polls.append(id)
        settlePoll(id, &edge)
    }

    /// Answers if there is something to say, else waits.
    private mutating func settlePoll(_ id: ConnectionID, _ edge: inout Edge) {
        guard let poll = waitingPoll(id), poll.reads == 0 else { return }
        if poll.hasNews || poll.deadlineMs <= edge.nowMs { return answerPoll(id, &edge) }
        if poll.isPlain, let place = channels.index(of: poll.channels[0].name),
            channels[place].position == poll.channels[0].position, mayJoinCrowd(place)
        {
            finishPoll(id, keepsPlace: true)
            return joinCrowd(id, of: place, until: poll.deadlineMs, &edge)
        }
        edge.setTimer(id, atMs: poll.deadlineMs)
    }

    // MARK: News

    /// A publication for the polls that wait in a channel, each with an answer of its own.
    mutating func answerPolls(_ place: Int, _ publication: Publication, _ epoch: Epoch, _ edge: inout Edge) {
        var waiting: [ConnectionID] = []
        swap(&waiting, &channels[place].polls)
        let name = channels[place].name
        for id in waiting {
            guard let own = polls[id.slot]?.channels.firstIndex(where: { $0.name == name }), waitingPoll(id) != nil
            else {
                continue
            }
            let isNews = polls[id.slot]?.channels[own].arrived(publication, epoch: epoch) == true
            if isNews, polls[id.slot]?.reads == 0 {
                answerPoll(id, leaving: name, &edge)
            } else {
                channels[place].polls.append(id)
            }
        }
    }

    // MARK: Answers

    private mutating func answerPoll(_ id: ConnectionID, leaving channel: ChannelName? = nil, _ edge: inout Edge) {
        guard let poll = waitingPoll(id) else { return }
        finishPoll(id, leaving: channel)
        if poll.request.isRoom, !poll.hasNews {
            let seconds = Int((edge.nowMs - poll.startedMs) / 1_000)
            return answer(id, .noNews(room: poll.channels[0].name, seconds: seconds), poll.originFields, &edge)
        }
        PollAnswerEncoder.encode(poll.answers, into: &scratch)
        let body = scratch.array
        scratch.removeAll()
        answer(id, 200, fields: poll.originFields + Array(ShardService.noStore), body: body, &edge)
    }

    /// The answer that many polls of one channel get.
    mutating func preparePoll(_ channel: StatelessPoll.Channel, _ edge: inout Edge) -> PreparedResponse {
        PollAnswerEncoder.encode([channel.answer], into: &scratch)
        defer { scratch.removeAll() }
        return scratch.withBytes { edge.prepareResponse(status: 200, headers: ShardService.noStore, body: $0) }
    }

    private mutating func answer(_ id: ConnectionID, _ error: RoomPollError, _ fields: [UInt8], _ edge: inout Edge) {
        var text = ByteWriter()
        error.encode(into: &text)
        answer(id, error.status, fields: fields, body: text.array, &edge)
    }

    mutating func refusePoll(_ id: ConnectionID, _ status: Int, _ message: String, _ edge: inout Edge) {
        guard let poll = waitingPoll(id) else { return }
        finishPoll(id)
        answer(id, status, error: message, fields: poll.originFields, &edge)
    }

    /// A newer poll of the same user has come.
    mutating func cancelPoll(_ id: ConnectionID, _ edge: inout Edge) {
        guard let poll = waitingPoll(id) else { return }
        finishPoll(id)
        if poll.request.isRoom { return answer(id, .canceled, poll.originFields, &edge) }
        answer(id, 409, error: "ended by a newer poll", fields: poll.originFields, &edge)
    }

    /// Forgets a poll; `leaving`: the channel whose list of polls the caller holds.
    private mutating func finishPoll(_ id: ConnectionID, leaving: ChannelName? = nil, keepsPlace: Bool = false) {
        guard let poll = polls.removeValue(forKey: id.slot) else { return }
        if !keepsPlace { leavePollPlace(id) }
        if !facts.isEmpty { facts[id.slot] = nil }
        if let key = poll.exclusiveKey { node.exclusivePolls.remove(key, (index, id)) }
        for channel in poll.channels where channel.name != leaving {
            guard let place = channels.index(of: channel.name) else { continue }
            if channel.position == nil { channels[place].pollReads -= 1 }
            channels[place].polls.removeAll { $0 == id }
        }
    }

    /// True when the timer was a poll's.
    mutating func pollTimedOut(_ id: ConnectionID, _ edge: inout Edge) -> Bool {
        if crowdPollTimedOut(id, &edge) { return true }
        if let poll = waitingPoll(id) {
            if poll.reads > 0 {
                refusePoll(id, 503, "the stream could not be read in time", &edge)
            } else {
                answerPoll(id, &edge)
            }
            return true
        }
        return sessionPollTimedOut(id, &edge)
    }

    /// The connection of a poll has gone before its answer.
    mutating func pollerGone(_ id: ConnectionID, _ edge: inout Edge) {
        if leaveCrowd(id) != nil { return }
        if waitingPoll(id) != nil { return finishPoll(id) }
        sessionPollerGone(id, &edge)
    }

    /// Every poll that waits is answered: its client comes back elsewhere.
    mutating func endPolls(_ edge: inout Edge) {
        for id in crowded where leaveCrowd(id) != nil { answer(id, 503, error: "shutting down", fields: [], &edge) }
        for poll in Array(polls.values) { refusePoll(poll.connection, 503, "shutting down", &edge) }
    }

    // MARK: Channels kept for polls

    mutating func holdForPolls(_ name: ChannelName, _ edge: inout Edge) -> Int {
        let place = localChannel(name, &edge)
        channels[place].pollsUntilMs = edge.nowMs + Int64(node.settings.transports.pollChannelLinger * 1_000)
        if !channels[place].isHeldForPolls {
            channels[place].isHeldForPolls = true
            channels[place].references += 1
            pollChannels.insert(name)
        }
        return place
    }

    mutating func releasePollChannels(_ edge: inout Edge) {
        guard !pollChannels.isEmpty else { return }
        for name in pollChannels {
            guard let place = channels.index(of: name) else { continue }
            guard channels[place].polls.isEmpty, channels[place].crowd.isEmpty, channels[place].pollReads <= 0 else {
                continue
            }
            guard channels[place].pollsUntilMs <= edge.nowMs || shutdownEndsMs != nil else { continue }
            pollChannels.remove(name)
            channels[place].isHeldForPolls = false
            let isLast = release(place, &edge)
            let request = DetachRequest(
                channel: name, info: ClientInfo(user: "", client: ""), keepsPresence: false, emitsLeave: false,
                isLastOfShard: isLast)
            let ownerShard = node.owner(of: name)
            if ownerShard == index {
                detach(request, shard: index, &edge)
            } else {
                node.post(.detach(request, shard: index), to: ownerShard)
            }
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
