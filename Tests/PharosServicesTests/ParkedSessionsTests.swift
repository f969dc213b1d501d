import PharosDomain
import PharosEdge
import PharosTestKit
import Testing

@testable import PharosServices

/// The table under one key, with connections that claim it one after the other.
///
/// Each is on a shard of its own, so the messages between them arrive in any order; connections close at any time.
@Suite("the table of session keys")
struct ParkedSessionsTests {
    @Test("what the first connection had is the last one's, or is kept, in whatever order the others go")
    func anyOrder() {
        for seed in 1...20_000 as ClosedRange<UInt64> {
            var walk = Walk(seed: seed)
            walk.run()
            guard walk.hasLostNothing else {
                Issue.record("seed \(seed): \(walk.transcript.joined(separator: ", "))")
                return
            }
        }
    }

    @Test("one that came between leaves nothing over what it was to take")
    func between() {
        var walk = Walk(seed: 0)
        for _ in 0..<2 { walk.claim() }
        walk.deliverYield(0)
        walk.claim()
        // The first has left, and the second is notified after the third has come.
        walk.deliverNotice(1)
        walk.deliverYield(1)
        walk.deliverNotice(2)
        #expect(walk.connections.map(\.has) == [nil, nil, Walk.state])
    }

    @Test("no other user gets it meanwhile")
    func strangers() {
        var walk = Walk(seed: 0)
        for _ in 0..<2 { walk.claim() }
        let stranger = ParkedSessions.Claimant(place: Walk.place(9), user: "bob", expireAt: 0)
        guard case .refused(.permissionDenied) = walk.table.claim(Walk.key, stranger, Walk.now) else {
            Issue.record("the key was given away")
            return
        }
    }
}

private struct Walk {
    struct Member {
        var isHere = true
        var has: RestoredState?
        /// Messages on their way to it.
        var yields = 0
        var notices = 0
    }

    static let key = SessionKey("0123456789012345678901")
    static let now = Moment(monotonicMs: 1, wallMs: 1)
    static let state: RestoredState = {
        let session = ClientSession(
            client: ClientID(high: 1, low: 2), settings: ClientSettings(), firstPing: 0,
            now: now)
        var state = RestoredState(session) { _ in nil }
        state.user = "ann"
        state.meta = [1]
        return state
    }()

    static func place(_ number: Int) -> ParkedSessions.Place {
        ParkedSessions.Place(shard: number, id: ConnectionID(slot: UInt32(number), generation: 1))
    }

    let table = ParkedSessions(limit: 10)
    var connections: [Member] = []
    var transcript: [String] = []
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    // MARK: Steps

    mutating func claim() {
        let number = connections.count
        transcript.append("\(number) comes")
        connections.append(Member())
        let claimant = ParkedSessions.Claimant(place: Walk.place(number), user: "ann", expireAt: 0)
        switch table.claim(Walk.key, claimant, Walk.now) {
        case .granted(let left, _): connections[number].has = number == 0 ? Walk.state : left
        case .awaits(let older, _): connections[older.shard].yields += 1
        case .unknown, .refused: transcript.append("refused")
        }
    }

    mutating func leave(_ number: Int) {
        guard connections[number].isHere else { return }
        transcript.append("\(number) goes")
        connections[number].isHere = false
        let has = connections[number].has
        connections[number].has = nil
        let next = table.leave(Walk.key, Walk.place(number), has, nowMs: 1, untilMs: 1_000)
        if let next { connections[next.shard].notices += 1 }
    }

    mutating func deliverYield(_ number: Int) {
        guard connections[number].yields > 0 else { return }
        connections[number].yields -= 1
        leave(number)
    }

    mutating func deliverNotice(_ number: Int) {
        guard connections[number].notices > 0 else { return }
        connections[number].notices -= 1
        guard connections[number].isHere, connections[number].has == nil else { return }
        guard let taken = table.take(Walk.key, Walk.place(number)) else { return }
        transcript.append("\(number) takes")
        connections[number].has = taken.left
    }

    // MARK: Whole walks

    /// Lets up to five connections come and up to two close by themselves.
    ///
    /// Then all messages on their way arrive.
    mutating func run() {
        let total = Int.random(in: 2...5, using: &random)
        var closings = Int.random(in: 0...2, using: &random)
        claim()
        while true {
            var steps: [(inout Walk) -> Void] = []
            if connections.count < total { steps.append { $0.claim() } }
            for number in connections.indices where connections[number].isHere || connections[number].notices > 0 {
                if connections[number].yields > 0 { steps.append { $0.deliverYield(number) } }
                if connections[number].notices > 0 { steps.append { $0.deliverNotice(number) } }
                if connections[number].isHere, closings > 0 {
                    steps.append {
                        closings -= 1
                        $0.leave(number)
                    }
                }
            }
            guard let step = steps.randomElement(using: &random) else { return }
            step(&self)
        }
    }

    /// The last one has it; if that has gone too, the next to come gets it.
    var hasLostNothing: Bool {
        let here = connections.indices.filter { connections[$0].isHere }
        if !here.isEmpty { return here == [connections.count - 1] && connections.last?.has == Walk.state }
        let claimant = ParkedSessions.Claimant(place: Walk.place(99), user: "ann", expireAt: 0)
        guard case .granted(Walk.state, nil) = table.claim(Walk.key, claimant, Walk.now) else { return false }
        return true
    }
}
