import PharosDomain
import PharosEdge
import PharosProtocol

/// A client session and what the shard keeps beside it.
struct SessionEntry: ~Copyable {
    var session: ClientSession
    var wire: Wire
    var generation: UInt32
    /// Index into the registered client names; 0 unregistered.
    var name: UInt16 = 0
    /// Its messages depend on those before: see the core's `conversations`.
    var hasConversation = false
    /// Counted against the limit of connections per user.
    var holdsUserPlace = false
    /// Counted as a client: the connect was answered.
    var isRegistered = false
    /// When the connect was answered, in seconds since 1970.
    var connectedAt: UInt32 = 0
    /// The number of this connection among those of its user; 0: not counted.
    ///
    /// It is counted where only the newest connection of a user may stay.
    var userSequence: UInt64 = 0
    /// The secret half of a stream's name; 0: commands come on the same connection.
    var streamKey: UInt64 = 0
    /// Whether commands wait until an older connection of the client leaves its state.
    var awaitsState = false
}

/// Sessions by the connection's place, and by user.
struct Sessions: ~Copyable {
    private var entries: SlotTable<SessionEntry>
    private var byUser: [UserID: [UInt32]] = [:]
    private(set) var clientCount = 0

    private let userCounts: UserCounts

    init(userCounts: UserCounts) {
        entries = SlotTable()
        self.userCounts = userCounts
    }

    func contains(_ id: ConnectionID) -> Bool {
        entries.contains(Int(id.slot)) && entries[Int(id.slot)].generation == id.generation
    }

    /// The entry of a connection that `contains` has vouched for.
    subscript(id: ConnectionID) -> SessionEntry {
        unsafeAddress { UnsafePointer(entries.address(of: Int(id.slot))) }
        unsafeMutableAddress { entries.address(of: Int(id.slot)) }
    }

    mutating func insert(_ entry: consuming SessionEntry, _ id: ConnectionID) {
        entries.insert(entry, at: Int(id.slot))
    }

    mutating func remove(_ id: ConnectionID) {
        unregister(id)
        entries.remove(at: Int(id.slot))
    }

    /// The connect was answered: the client can now be found by its user.
    mutating func register(_ id: ConnectionID) {
        guard !self[id].isRegistered else { return }
        self[id].isRegistered = true
        clientCount += 1
        let user = self[id].session.user
        guard !user.isEmpty else { return }
        if byUser[user] == nil { userCounts.came(user) }
        byUser[user, default: []].append(id.slot)
    }

    private mutating func unregister(_ id: ConnectionID) {
        guard contains(id), self[id].isRegistered else { return }
        self[id].isRegistered = false
        clientCount -= 1
        let user = self[id].session.user
        guard !user.isEmpty, var slots = byUser[user] else { return }
        slots.removeAll { $0 == id.slot }
        byUser[user] = slots.isEmpty ? nil : slots
        if slots.isEmpty { userCounts.left(user) }
    }

    /// The registered connections of a user, oldest first.
    func connections(of user: UserID) -> [ConnectionID] {
        (byUser[user] ?? []).compactMap { slot in
            connection(at: slot)
        }
    }

    /// All whose connect was answered, in no particular order.
    var registered: [ConnectionID] {
        var found: [ConnectionID] = []
        found.reserveCapacity(clientCount)
        for slot in 0..<UInt32(entries.capacity)
        where entries.contains(Int(slot)) && entries[Int(slot)].isRegistered {
            found.append(ConnectionID(slot: slot, generation: entries[Int(slot)].generation))
        }
        return found
    }

    func connection(at slot: UInt32) -> ConnectionID? {
        guard entries.contains(Int(slot)) else { return nil }
        return ConnectionID(slot: slot, generation: entries[Int(slot)].generation)
    }

    var users: [UserID] { Array(byUser.keys) }
}
