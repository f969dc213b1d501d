import PharosChannels
import PharosDomain
import PharosEdge

/// Subscribers inside the process.
///
/// They are on the shard of the channel's relay, so that no other shard comes between.
struct InProcessService: ~Copyable {
    private struct Subscriber {
        let receiver: any InProcessReceiver
        let ticket: InProcessTicket
        let from: StreamPosition?
        /// Publications since before its stream's read began; nil: it is live.
        var arrived: [Publication]?
    }

    /// Publications that may wait while one subscriber's stream is read.
    private static var arrivedLimit: Int { 65_536 }

    private var subscribers: [ChannelName: [Subscriber]] = [:]
    /// Those that are to be woken at the turn's end.
    private var awakened: [any InProcessReceiver] = []

    // MARK: Coming and going

    mutating func join(_ join: InProcessJoin, _ core: inout ShardCore, _ edge: inout Edge) {
        join.arrived()
        let (channel, receiver) = (join.ticket.channel, join.receiver)
        guard core.shutdownEndsMs == nil else { return send(receiver, .ended(.stopping), channel) }
        let options: ChannelOptions
        do throws(ReplyError) { options = try core.rules.resolve(channel).options } catch {
            return send(receiver, .ended(error), channel)
        }
        let slot = core.localChannel(channel, &edge)
        core.channels[slot].references += 1
        core.channels[slot].hasReceivers = true
        core.counters.subscriptions += 1
        subscribers[channel, default: []].append(
            Subscriber(
                receiver: receiver, ticket: join.ticket, from: join.from, arrived: options.hasHistory ? [] : nil))
        guard options.hasHistory else {
            // Only to get the channel's events: it has no position, and the subscriber is not seen there.
            let tag = SubscriberTag(connection: .max, generation: 0)
            core.request(.attach(AttachRequest(channel: channel, options: options, info: .nobody), tag), of: channel)
            return send(receiver, .live(InProcessStart(recovered: join.from == nil ? nil : false)), channel)
        }
        // Without the epoch: whether it is the same is for the recovery to say, and no error.
        let order = HistoryOrder(
            channel: channel, options: options, limit: join.from == nil ? 0 : -1,
            since: join.from.map { StreamPosition(offset: $0.offset) })
        core.ask(.watch(order), channel, for: .inProcess(join.ticket))
    }

    mutating func leave(_ ticket: InProcessTicket, _ core: inout ShardCore, _ edge: inout Edge) {
        guard let index = index(of: ticket) else { return }
        subscribers[ticket.channel]!.remove(at: index)
        let isLast = subscribers[ticket.channel]!.isEmpty
        if isLast { subscribers[ticket.channel] = nil }
        core.counters.subscriptions -= 1
        guard let slot = core.channels.index(of: ticket.channel) else { return }
        if isLast { core.channels[slot].hasReceivers = false }
        core.leave(slot, &edge)
    }

    /// The server ends: so do all subscriptions inside it.
    mutating func end(_ core: inout ShardCore, _ edge: inout Edge) {
        for (channel, all) in subscribers {
            for subscriber in all {
                leave(subscriber.ticket, &core, &edge)
                send(subscriber.receiver, .ended(.stopping), channel)
            }
        }
    }

    private func index(of ticket: InProcessTicket) -> Int? {
        subscribers[ticket.channel]?.firstIndex { $0.ticket == ticket }
    }

    /// The stream has been read: the subscriber becomes live.
    mutating func answered(
        _ ticket: InProcessTicket, _ answer: Result<ChannelAnswer, ReplyError>, _ core: inout ShardCore,
        _ edge: inout Edge
    ) {
        let channel = ticket.channel
        guard let index = index(of: ticket), let slot = core.channels.index(of: channel) else { return }
        let subscriber = subscribers[channel]![index]
        let arrived = subscriber.arrived ?? []
        let recovery: Recovery
        let top: StreamPosition
        do throws(ReplyError) {
            guard case .read(let read) = try answer.get() else {
                preconditionFailure("the relay answered another question than it was asked")
            }
            top = read.top
            do throws(Recovery.Failure) {
                recovery = try Recovery.merge(from: subscriber.from, mode: .stream, read: read, buffered: arrived)
            } catch {
                throw .internalError
            }
        } catch {
            leave(ticket, &core, &edge)
            return send(subscriber.receiver, .ended(error), channel)
        }
        subscribers[channel]![index].arrived = nil
        let position = core.channels[slot].position
        if position == nil || position!.epoch == recovery.epoch && recovery.position > position!.offset {
            core.channels[slot].position = StreamPosition(offset: recovery.position, epoch: recovery.epoch)
        }
        let start = InProcessStart(
            position: StreamPosition(offset: recovery.isRecovered ? recovery.offset : top.offset, epoch: top.epoch),
            recovered: subscriber.from == nil ? nil : recovery.isRecovered)
        send(subscriber.receiver, .live(start), channel)
        // Without recovery the reader begins at the top as it was read; what came since is new to it all the same.
        let missed = recovery.isRecovered ? recovery.publications : arrived.filter { $0.offset > top.offset }
        for publication in missed {
            send(subscriber.receiver, .publication(publication, epoch: recovery.epoch), channel)
        }
    }

    // MARK: Publications

    /// Keeps a publication for those whose stream is being read.
    mutating func keep(_ publication: Publication, _ channel: ChannelName) {
        guard let all = subscribers[channel] else { return }
        for index in all.indices {
            // Beyond the limit the merge finds the gap.
            guard let count = all[index].arrived?.count, count < InProcessService.arrivedLimit else { continue }
            subscribers[channel]![index].arrived!.append(publication)
        }
    }

    mutating func deliver(_ publication: Publication, _ epoch: Epoch, _ channel: ChannelName) {
        guard let all = subscribers[channel] else { return }
        for subscriber in all where subscriber.arrived == nil {
            send(subscriber.receiver, .publication(publication, epoch: epoch), channel)
        }
    }

    /// Sends a gap to the live subscribers.
    ///
    /// The stream's memory was lost: what follows does not continue what they have.
    mutating func tellGap(_ channel: ChannelName) {
        for subscriber in subscribers[channel] ?? [] where subscriber.arrived == nil {
            send(subscriber.receiver, .gap, channel)
        }
    }

    /// Wakes the consumers of all that came in this turn, once each.
    mutating func wake() {
        guard !awakened.isEmpty else { return }
        for receiver in awakened { receiver.wake() }
        awakened.removeAll(keepingCapacity: true)
    }

    private mutating func send(_ receiver: any InProcessReceiver, _ event: InProcessEvent, _ channel: ChannelName) {
        if receiver.received(event, in: channel) { awakened.append(receiver) }
    }
}
