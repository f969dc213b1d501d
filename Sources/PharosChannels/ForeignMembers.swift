import PharosDomain

/// Members of a channel on other nodes, as subscribers of this node know them.
///
/// Each node announces the joins and leaves of its own members. Those of a node that has died are announced by the others,
/// each to its own subscribers: so every subscriber hears of each once.
struct ForeignMembers {
    private var members: [ClientName: ClientInfo] = [:]
    /// Whether all are known: then a leave of another is a repeat.
    private(set) var isComplete = false
    /// Questions for all members that are not answered yet.
    private var questions = 0
    /// Members of which something was reported while a question was open.
    ///
    /// A report is newer than the answer.
    private var reportedMeanwhile: Set<ClientName> = []

    /// All members are being asked for.
    mutating func asked() { questions += 1 }

    /// A question has come to nothing.
    mutating func askedInVain() { endQuestion() }

    private mutating func endQuestion() {
        questions -= 1
        if questions == 0 { reportedMeanwhile = [] }
    }

    /// A member was reported; whether it is to be told.
    mutating func reported(_ change: MemberChange) -> Bool {
        switch change {
        case .join(let info):
            if questions > 0 { reportedMeanwhile.insert(info.client) }
            members[info.client] = info
            return true
        case .leave(let info):
            if questions > 0 { reportedMeanwhile.insert(info.client) }
            return members.removeValue(forKey: info.client) != nil || !isComplete
        }
    }

    /// Nodes have died: their members have left.
    mutating func remove(of nodes: Set<UInt64>) -> [MemberChange] {
        let left = members.values.filter { nodes.contains($0.nodeMark) }
        for info in left { members[info.client] = nil }
        return left.sorted { $0.client < $1.client }.map { .leave($0) }
    }

    /// Compares them with all members that there are.
    ///
    /// - Parameters:
    ///   - isPartial: members of some nodes are not in it, so none is taken for gone.
    /// - Returns: the changes to be told; none the first time, when subscribers have not asked yet.
    mutating func compare(_ all: [ClientInfo], isPartial: Bool) -> [MemberChange] {
        defer { if questions > 0 { endQuestion() } }
        var changes: [MemberChange] = []
        let found = Dictionary(all.map { ($0.client, $0) }) { $1 }
        if !isPartial {
            for (client, info) in members where found[client] == nil && !reportedMeanwhile.contains(client) {
                changes.append(.leave(info))
                members[client] = nil
            }
        }
        for (client, info) in found where members[client] == nil && !reportedMeanwhile.contains(client) {
            members[client] = info
            changes.append(.join(info))
        }
        guard isComplete else {
            isComplete = !isPartial
            return []
        }
        return changes
    }
}

extension ClientInfo {
    /// The mark of the node that the client is connected to.
    var nodeMark: UInt64 { ClientID(client)?.nodeMark ?? 0 }
}
