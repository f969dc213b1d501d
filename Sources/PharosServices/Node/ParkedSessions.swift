import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// The sessions of clients by the secret key that they chose. Any thread.
///
/// Holds the state that clients which asked for it left behind, and where those are that are here. One per node: a client
/// may come back to any shard, by any transport.
///
/// Everything that a return may be refused for is looked at here, in the same step in which the key changes hands: so a
/// client that is refused takes nothing from another. State on its way from an older connection to a newer one is here
/// too, where calls of the server API find it.
final class ParkedSessions: Sendable {
    /// One connection, on whichever shard.
    struct Place: Equatable, Sendable {
        var shard: Int
        var id: ConnectionID
        /// Distinguishes the polled sessions of one key; nil: it is not polled.
        ///
        /// See `PolledSession.base`.
        var base: UInt64?

        static func == (left: Place, right: Place) -> Bool { left.shard == right.shard && left.id == right.id }
    }

    /// A connection that wants what is under a key.
    struct Claimant: Sendable {
        var place: Place
        /// nil: nothing but the key says who the client is.
        var user: UserID?
        /// The end of the client's own proof of that, in seconds since 1970; 0 never.
        var expireAt: Int64
    }

    enum Answer: Sendable {
        /// Nothing is kept under the key, and the claimant has named no user.
        ///
        /// So it has not got the key either.
        case unknown
        case refused(ReplyError)
        /// The key is the claimant's, with what was left under it.
        ///
        /// - Parameter ending: a polled session that is over, and whose last messages no poll will fetch.
        case granted(RestoredState?, ending: Place?)
        /// The key is the claimant's; the older connection still has to leave its state.
        ///
        /// That connection is to be notified.
        case awaits(Place, ending: Place?)
    }

    /// A connection that has claimed a key and has not left it.
    private struct Holder {
        var place: Place
        var user: UserID
        var expireAt: Int64
        /// It has taken what was left under the key.
        ///
        /// If not, it waits for an older one to leave that.
        var hasTaken: Bool
        /// The session is over; its last messages are still to be fetched.
        var isEnding = false
    }

    /// The holders of one key, and the state left under it.
    ///
    /// The key is the newest holder's: the older ones have been asked to leave, and only the oldest can have taken
    /// something. What that one leaves goes to the newest once all others are gone, in whatever order they go: those
    /// between them, which have taken nothing, leave nothing.
    private struct Entry {
        /// Oldest first.
        var holders: [Holder] = []
        /// The state that was left: for the holder if it waits, else for the next one.
        var left: RestoredState?
        /// The moment at which what is left is forgotten, while there is no holder.
        var untilMs = Int64.max

        /// The connection that the key stands for, if it is still there.
        var current: Holder? { holders.last.flatMap { $0.isEnding ? nil : $0 } }
        /// The one that can take what is left now.
        var next: Place? { holders.count == 1 && !holders[0].hasTaken && !holders[0].isEnding ? holders[0].place : nil }

        func index(of place: Place) -> Int? { holders.firstIndex { $0.place == place } }
    }

    private struct State {
        var entries: [SessionKey: Entry] = [:]
        /// Polled sessions that have not shown yet that the key is theirs.
        var arriving: [SessionKey: [Place]] = [:]
        /// Keys in the order in which they were parked.
        var order: [(key: SessionKey, untilMs: Int64)] = []
        var first = 0
    }

    private let limit: Int
    private let state = Locked(State())

    /// - Parameter limit: clients that may be away at a time.
    ///   Beyond it those away longest are forgotten.
    init(limit: Int) { self.limit = limit }

    // MARK: Coming

    /// A client that may connect wants what is under a key.
    func claim(_ key: SessionKey, _ claimant: Claimant, _ now: Moment) -> Answer {
        state.withLock { state in
            var entry = state.entries[key] ?? Entry()
            if entry.holders.isEmpty, entry.untilMs <= now.monotonicMs { entry = Entry() }
            var user = claimant.user
            var expireAt = claimant.expireAt
            if let authority = ParkedSessions.authority(of: entry) {
                if let user {
                    guard user == authority.user else { return .refused(.permissionDenied) }
                } else {
                    guard !now.isAfter(authority.expireAt) else { return .refused(.tokenExpired) }
                    (user, expireAt) = authority
                }
            }
            guard let user else { return .unknown }
            depart(&state, key, claimant.place)
            var ending: Place?
            if let last = entry.holders.last, last.isEnding {
                ending = last.place
                entry.holders.removeLast()
            }
            let older = entry.holders.last?.place
            let holder = Holder(place: claimant.place, user: user, expireAt: expireAt, hasTaken: older == nil)
            defer { state.entries[key] = entry }
            entry.untilMs = .max
            entry.holders.append(holder)
            if let older { return .awaits(older, ending: ending) }
            defer { entry.left = nil }
            return .granted(entry.left, ending: ending)
        }
    }

    /// The user that a key stands for, and until when; nil: for none.
    private static func authority(of entry: Entry) -> (user: UserID, expireAt: Int64)? {
        if let holder = entry.current { return (holder.user, holder.expireAt) }
        return entry.left.map { ($0.user, $0.expireAt) }
    }

    /// Takes the state that an older connection has left for the one that waited.
    ///
    /// - Returns: nil: there is nothing to take yet, or it is for a newer one: this one goes on waiting.
    func take(_ key: SessionKey, _ place: Place) -> Taken? {
        state.withLock { state in
            guard let entry = state.entries[key], entry.next == place else { return nil }
            state.entries[key]!.holders[0].hasTaken = true
            state.entries[key]!.left = nil
            return Taken(left: entry.left)
        }
    }

    /// The state that a connection finds after it has waited for an older one.
    struct Taken {
        var left: RestoredState?
    }

    /// The holder's own authority has changed.
    func note(_ key: SessionKey, _ place: Place, user: UserID, expireAt: Int64) {
        state.withLock { state in
            guard let index = state.entries[key]?.index(of: place) else { return }
            state.entries[key]!.holders[index].user = user
            state.entries[key]!.holders[index].expireAt = expireAt
        }
    }

    // MARK: Going

    /// A connection that claimed the key has gone.
    ///
    /// It leaves something only if it had taken what was there.
    ///
    /// - Parameter left: nil: it leaves nothing.
    /// - Returns: the connection that waits for it and can take it now; it is to be notified.
    func leave(_ key: SessionKey, _ place: Place, _ left: RestoredState?, nowMs: Int64, untilMs: Int64) -> Place? {
        state.withLock { state in
            guard var entry = state.entries[key], let index = entry.index(of: place) else { return nil }
            if entry.holders.remove(at: index).hasTaken { entry.left = left }
            return settle(&state, key, entry, nowMs: nowMs, untilMs: untilMs)
        }
    }

    /// A polled session is over.
    ///
    /// What it leaves is there at once, and its last messages can still be fetched.
    ///
    /// - Returns: as `leave`.
    func end(_ key: SessionKey, _ place: Place, _ left: RestoredState?, nowMs: Int64, untilMs: Int64) -> Place? {
        state.withLock { state in
            guard var entry = state.entries[key], let index = entry.index(of: place) else { return nil }
            if entry.holders[index].hasTaken { entry.left = left }
            guard index == entry.holders.count - 1 else {
                entry.holders.remove(at: index)
                return settle(&state, key, entry, nowMs: nowMs, untilMs: untilMs)
            }
            entry.holders[index].isEnding = true
            entry.untilMs = untilMs
            state.entries[key] = entry
            return nil
        }
    }

    /// The last messages of a polled session have been fetched, or no poll came.
    func ended(_ key: SessionKey, _ place: Place, nowMs: Int64) {
        state.withLock { state in
            depart(&state, key, place)
            guard var entry = state.entries[key], let index = entry.index(of: place) else { return }
            entry.holders.remove(at: index)
            _ = settle(&state, key, entry, nowMs: nowMs, untilMs: entry.untilMs)
        }
    }

    /// A holder is gone: returns the one that can go on now.
    ///
    /// If there is none any more, what is left waits.
    private func settle(
        _ state: inout State, _ key: SessionKey, _ entry: Entry, nowMs: Int64, untilMs: Int64
    ) -> Place? {
        state.entries[key] = entry
        if entry.holders.isEmpty { park(&state, key, entry.left, nowMs: nowMs, untilMs: untilMs) }
        return entry.next
    }

    /// Keeps what another node has given up, unless something is kept here.
    func adopt(_ key: SessionKey, _ left: RestoredState, nowMs: Int64, untilMs: Int64) {
        state.withLock { state in
            if let entry = state.entries[key], !entry.holders.isEmpty || entry.untilMs > nowMs { return }
            park(&state, key, left, nowMs: nowMs, untilMs: untilMs)
        }
    }

    private func park(
        _ state: inout State, _ key: SessionKey, _ left: RestoredState?, nowMs: Int64, untilMs: Int64
    ) {
        guard let left else {
            state.entries[key] = nil
            return
        }
        state.entries[key] = Entry(left: left, untilMs: untilMs)
        state.order.append((key, untilMs))
        drop(&state, nowMs: nowMs)
    }

    // MARK: Polls

    /// A polled session has begun; it is found by its key before the key is its own.
    func arrive(_ key: SessionKey, _ place: Place) {
        state.withLock { $0.arriving[key, default: []].append(place) }
    }

    private func depart(_ state: inout State, _ key: SessionKey, _ place: Place) {
        guard var places = state.arriving[key] else { return }
        places.removeAll { $0 == place }
        state.arriving[key] = places.isEmpty ? nil : places
    }

    /// The polled session of a key.
    ///
    /// - Parameter base: of the cursor that a poll brings; nil: it brings none, and any will do.
    func polled(_ key: SessionKey, base: UInt64?) -> Place? {
        state.withLock { state in
            var places = state.arriving[key] ?? []
            places += (state.entries[key]?.holders ?? []).map(\.place)
            return places.last { $0.base != nil && (base == nil || $0.base == base) }
        }
    }

    /// Whether anything is kept under a key.
    func isKnown(_ key: SessionKey, nowMs: Int64) -> Bool {
        state.withLock { state in
            state.entries[key].map { !$0.holders.isEmpty || $0.untilMs > nowMs } ?? false
        }
    }

    // MARK: Calls of the server API

    /// The connection that has a key; nil: there is none.
    func holder(of key: SessionKey) -> Place? {
        state.withLock { $0.entries[key]?.current?.place }
    }

    /// Forgets the state of the clients that are away and that a call means.
    ///
    /// So they do not come back to what they had.
    func forget(_ target: APITarget) {
        forEach(target) { _ in nil }
    }

    /// Forgets a channel of those clients; "": all of their channels.
    func leave(_ channel: ChannelName, _ target: APITarget) {
        forEach(target) { state in
            var left = state
            left.channels.removeAll { channel.isEmpty || $0.channel == channel }
            return left
        }
    }

    /// Expires the connections of those clients: they are to bring a new token.
    func expire(_ target: APITarget, _ now: Moment) {
        forEach(target) { state in
            var left = state
            left.expire(now)
            return left
        }
    }

    /// Changes their lifetimes as those of clients that are here.
    func refresh(_ request: APIRefresh, _ now: Moment) {
        if request.expired { return expire(request.target, now) }
        forEach(request.target) { state in
            var left = state
            left.refresh(expireAt: request.expireAt, info: request.info, now)
            return left
        }
    }

    private func forEach(_ target: APITarget, _ change: (RestoredState) -> RestoredState?) {
        guard !target.isEmpty else { return }
        state.withLock { state in
            let keys = target.session.isEmpty ? Array(state.entries.keys) : [target.session]
            for key in keys {
                guard let entry = state.entries[key], let left = entry.left, left.isMeant(by: target) else { continue }
                let changed = change(left)
                if changed == nil, entry.holders.isEmpty {
                    state.entries[key] = nil
                } else {
                    state.entries[key]!.left = changed
                }
            }
        }
    }

    // MARK: Time

    /// Forgets the clients that were away too long.
    func expire(nowMs: Int64) { state.withLock { drop(&$0, nowMs: nowMs) } }

    /// Clients that are away.
    var count: Int {
        state.withLock { $0.entries.values.count { $0.holders.isEmpty && $0.left != nil } }
    }

    private func drop(_ state: inout State, nowMs: Int64) {
        while state.first < state.order.count {
            let (key, untilMs) = state.order[state.first]
            guard untilMs <= nowMs || state.order.count - state.first > limit else { break }
            state.first += 1
            // It may have come back, and gone again, meanwhile.
            if let entry = state.entries[key], entry.holders.isEmpty, entry.untilMs == untilMs {
                state.entries[key] = nil
            }
        }
        if state.first > 64, state.first * 2 > state.order.count {
            state.order.removeFirst(state.first)
            state.first = 0
        }
    }
}

extension RestoredState {
    /// Whether all that a target names holds, its session apart.
    fileprivate func isMeant(by target: APITarget) -> Bool {
        (target.user.isEmpty || user == target.user)
            && (target.client.isEmpty || ClientID(target.client) == client)
            && (target.channel.isEmpty || channels.contains { $0.channel == target.channel })
            && !target.exclude.contains(client)
    }
}
