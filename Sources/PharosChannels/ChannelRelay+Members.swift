import PharosBytes
import PharosDomain

/// Joins and leaves of members on other nodes.
extension ChannelRelay {
    mutating func memberReported(_ change: MemberChange, in channel: ChannelName) {
        guard engine.isShared, interest[channel] != nil, change.info.nodeMark != settings.nodeMark else {
            return deliver(.member(change), in: channel)
        }
        if foreignMembers[channel, default: ForeignMembers()].reported(change) {
            deliver(.member(change), in: channel)
        }
    }

    /// Nodes have come or gone, by their marks.
    package mutating func nodesChanged(gone: Set<UInt64>, came: Set<UInt64>) {
        for channel in Array(foreignMembers.keys) {
            for change in foreignMembers[channel]!.remove(of: gone) { deliver(.member(change), in: channel) }
            if !came.isEmpty { compareMembers(of: channel) }
        }
    }

    /// Asks who is there, where presence is kept.
    mutating func compareMembers(of channel: ChannelName) {
        guard let options = options(of: channel), options.presence else { return }
        if foreignMembers[channel] == nil { foreignMembers[channel] = ForeignMembers() }
        foreignMembers[channel]!.asked()
        var answers: [PresenceAnswer] = []
        presence.ask(.members, of: channel, ticket: waits.add(.members(channel: channel)), into: &answers)
        for answer in answers { answered(answer) }
    }

    mutating func compare(_ answer: PresenceAnswer, in channel: ChannelName) {
        guard foreignMembers[channel] != nil else { return }
        guard case .success(.members(let members)) = answer.result else {
            return foreignMembers[channel]!.askedInVain()
        }
        let foreign = members.values.filter { $0.nodeMark != settings.nodeMark }
        for change in foreignMembers[channel]!.compare(Array(foreign), isPartial: answer.isPartial) {
            deliver(.member(change), in: channel)
        }
    }
}

extension MemberChange {
    fileprivate var info: ClientInfo {
        switch self {
        case .join(let info), .leave(let info): info
        }
    }
}
