import PharosDomain
import PharosEdge
import PharosProtocol

/// Subscribers inside the process. They are with the channel's owner, so that no other shard comes between.
extension ShardService {
    /// Publications that may wait while one subscriber's stream is read.
    private static var arrivedLimit: Int { 65_536 }

    mutating func joinInProcess(_ join: InProcessJoin, _ edge: inout Edge) {
        join.arrived()
        let (channel, receiver) = (join.ticket.channel, join.receiver)
        guard shutdownEndsMs == nil else { return tell(receiver, .ended(.stopping), channel) }
        let options: ChannelOptions
        do throws(ReplyError) { options = try rules.resolve(channel).options } catch {
            return tell(receiver, .ended(error), channel)
        }
        let place = localChannel(channel, &edge)
        channels[place].references += 1
        counters.subscriptions += 1
        var subscriber = InProcessSubscriber(receiver: receiver, ticket: join.ticket, from: join.from)
        guard options.hasHistory else {
            channels[place].receivers.append(subscriber)
            owner.watch(channel, shard: index)
            tellOccupancy(edge)
            return tell(receiver, .live(InProcessStart(recovered: join.from == nil ? nil : false)), channel)
        }
        subscriber.arrived = []
        channels[place].receivers.append(subscriber)
        // Without the epoch: whether it is the same is for the recovery to say, and no error.
        let order = HistoryOrder(
            channel: channel, options: options, limit: join.from == nil ? 0 : -1,
            since: join.from.map { StreamPosition(offset: $0.offset) }, reverse: false)
        ask(.watch(order, shard: index), reply: .local(.inProcess(join.ticket)), &edge)
    }

    /// The stream has been read: the subscriber becomes live.
    mutating func inProcessRead(
        _ ticket: InProcessTicket, _ result: Result<APIResult, ReplyError>, _ edge: inout Edge
    ) {
        guard let (place, index) = place(of: ticket) else { return }
        let subscriber = channels[place].receivers[index]
        let arrived = subscriber.arrived ?? []
        let recovery: Recovery
        let top: StreamPosition
        do throws(ReplyError) {
            guard case .history(let publications, let newest) = try result.get() else { throw .internalError }
            top = newest
            do throws(Recovery.Failure) {
                recovery = try Recovery.merge(
                    from: subscriber.from, mode: .stream, read: StreamRead(top: top, publications: publications),
                    buffered: arrived)
            } catch {
                throw .internalError
            }
        } catch {
            remove(ticket, &edge)
            return tell(subscriber.receiver, .ended(error), ticket.channel)
        }
        channels[place].receivers[index].arrived = nil
        if channels[place].position == nil
            || (channels[place].position!.epoch == recovery.epoch
                && recovery.position > channels[place].position!.offset)
        {
            channels[place].position = StreamPosition(offset: recovery.position, epoch: recovery.epoch)
        }
        let start = InProcessStart(
            position: StreamPosition(offset: recovery.isRecovered ? recovery.offset : top.offset, epoch: top.epoch),
            recovered: subscriber.from == nil ? nil : recovery.isRecovered)
        tell(subscriber.receiver, .live(start), ticket.channel)
        // Without recovery the reader begins at the top as it was read; what came since is new to it all the same.
        let missed = recovery.isRecovered ? recovery.publications : arrived.filter { $0.offset > top.offset }
        for publication in missed {
            tell(subscriber.receiver, .publication(publication, epoch: recovery.epoch), ticket.channel)
        }
    }

    /// Keeps a publication for those whose stream is being read.
    mutating func keepForReceivers(_ publication: Publication, _ place: Int) {
        for index in channels[place].receivers.indices {
            guard let count = channels[place].receivers[index].arrived?.count, count < ShardService.arrivedLimit else {
                // Beyond the limit the merge finds the gap.
                continue
            }
            channels[place].receivers[index].arrived!.append(publication)
        }
    }

    mutating func deliverInProcess(_ publication: Publication, _ epoch: Epoch, _ place: Int) {
        let name = channels[place].name
        for index in channels[place].receivers.indices where channels[place].receivers[index].arrived == nil {
            tell(channels[place].receivers[index].receiver, .publication(publication, epoch: epoch), name)
        }
    }

    /// The stream's memory was lost: what follows does not continue what they have.
    mutating func tellGap(_ channel: LocalChannel) {
        for subscriber in channel.receivers where subscriber.arrived == nil {
            tell(subscriber.receiver, .gap, channel.name)
        }
    }

    mutating func leaveInProcess(_ ticket: InProcessTicket, _ edge: inout Edge) { remove(ticket, &edge) }

    /// The server ends: so do all subscriptions inside it.
    mutating func endInProcess(_ edge: inout Edge) {
        var subscribers: [InProcessSubscriber] = []
        channels.forEach { subscribers += $0.receivers }
        for subscriber in subscribers {
            remove(subscriber.ticket, &edge)
            tell(subscriber.receiver, .ended(.stopping), subscriber.ticket.channel)
        }
    }

    mutating func turnSettles(_ edge: inout Edge) {
        guard !awakened.isEmpty else { return }
        for receiver in awakened { receiver.wake() }
        awakened.removeAll(keepingCapacity: true)
    }

    private mutating func tell(_ receiver: any InProcessReceiver, _ event: InProcessEvent, _ channel: ChannelName) {
        if receiver.received(event, in: channel) { awakened.append(receiver) }
    }

    private func place(of ticket: InProcessTicket) -> (place: Int, index: Int)? {
        guard let place = channels.index(of: ticket.channel),
            let index = channels[place].receivers.firstIndex(where: { $0.ticket == ticket })
        else { return nil }
        return (place, index)
    }

    private mutating func remove(_ ticket: InProcessTicket, _ edge: inout Edge) {
        guard let (place, index) = place(of: ticket) else { return }
        channels[place].receivers.remove(at: index)
        counters.subscriptions -= 1
        let isLast = release(place, &edge)
        let request = DetachRequest(
            channel: ticket.channel, info: ClientInfo(user: "", client: ""), keepsPresence: false, emitsLeave: false,
            isLastOfShard: isLast)
        detach(request, shard: self.index, &edge)
    }
}
