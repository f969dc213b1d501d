import PharosChannels
import PharosDomain
import PharosEdge

/// From the relay to everything on this shard that hears of a channel.
extension ShardService {
    mutating func deliver(_ event: ChannelEvent, in channel: ChannelName, _ edge: inout Edge) {
        guard let place = core.channels.index(of: channel) else { return }
        switch event {
        case .publication(let publication, let epoch, let except):
            deliver(publication, epoch, except: except, place, &edge)
        case .member(let change): core.publish(change, place, &edge)
        }
    }

    private mutating func deliver(
        _ publication: Publication, _ epoch: Epoch, except: ClientID?, _ place: Int, _ edge: inout Edge
    ) {
        let name = core.channels[place].name
        core.keepForReaders(publication, place)
        let hasReceivers = core.channels[place].hasReceivers
        if hasReceivers { inProcess.keep(publication, name) }
        if publication.offset > 0, !advance(place, to: publication.offset, epoch, &edge) { return }
        // After a gap the last subscriber may have gone, and the record with it.
        guard core.channels.index(of: name) == place else { return }
        if hasReceivers { inProcess.deliver(publication, epoch, name) }
        if core.channels[place].isHeldForPolls { polls.answer(publication, epoch, place, &core, &edge) }
        core.publish(publication, epoch, except: except, place, &edge)
    }

    /// Whether the publication is the next one, and is to be delivered.
    ///
    /// A repeated one is skipped; after a gap no subscriber is left that it would mislead.
    private mutating func advance(
        _ place: Int, to offset: UInt64, _ epoch: Epoch, _ edge: inout Edge
    ) -> Bool {
        guard let position = core.channels[place].position else {
            core.channels[place].position = StreamPosition(offset: offset, epoch: epoch)
            return true
        }
        if position.epoch == epoch, offset <= position.offset { return false }
        let continues = position.epoch == epoch && offset == position.offset + 1
        core.channels[place].position = StreamPosition(offset: offset, epoch: epoch)
        if !continues { positionLost(place, &edge) }
        return true
    }

    /// Compares the stream's position with that of the channel on this shard.
    ///
    /// It is the position after all that was delivered before: a difference means that something was lost.
    mutating func comparePosition(of channel: ChannelName, with top: StreamPosition, _ edge: inout Edge) {
        guard let place = core.channels.index(of: channel), let position = core.channels[place].position,
            position != top
        else { return }
        core.channels[place].position = top
        positionLost(place, &edge)
    }

    private mutating func positionLost(_ place: Int, _ edge: inout Edge) {
        let name = core.channels[place].name
        core.node.report(.positionLost(channel: name))
        if core.channels[place].hasReceivers { inProcess.tellGap(name) }
        clients.endPositioned(place, &core, &edge)
    }
}
