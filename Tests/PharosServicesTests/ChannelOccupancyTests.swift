import PharosDomain
import Testing

@testable import PharosServices

/// Transcripts of nodes that exchange messages, lose some, and tell.
///
/// Time stands still until a test lets it go on. The names of channels are chosen for their places.
@Suite("occupancy of channels over several nodes")
struct ChannelOccupancyTests {
    private final class Rig {
        static let settleMs: Int64 = 3_000

        var nodes: [UInt64: ChannelOccupancy] = [:]
        var nowMs: Int64 = 0
        private(set) var told: [String] = []
        private var wire: [(from: UInt64, message: OccupancyMessage, to: UInt64)] = []
        /// Nodes that neither send nor get anything.
        var silent: Set<UInt64> = []

        /// Nodes that have found each other, and know that.
        init(_ marks: UInt64...) {
            for mark in marks { join(mark) }
            settle()
        }

        func join(_ mark: UInt64) {
            let others = Set(nodes.keys)
            nodes[mark] = ChannelOccupancy(here: mark, settleMs: Rig.settleMs, nowMs: nowMs)
            change(mark) { $0.nodesChanged(came: others, nowMs: self.nowMs) }
            for other in others { change(other) { $0.nodesChanged(came: [mark], nowMs: self.nowMs) } }
            deliver()
        }

        /// The node is gone, at once and without a word, and the others notice.
        func kill(_ mark: UInt64) {
            nodes[mark] = nil
            lose(mark)
        }

        /// The others take the node for dead.
        func lose(_ mark: UInt64) {
            for other in nodes.keys.sorted() where other != mark {
                change(other) { $0.nodesChanged(gone: [mark], nowMs: self.nowMs) }
            }
            deliver()
        }

        /// A node that was taken for dead is heard again, and hears that.
        func comeBack(_ mark: UInt64) {
            silent.remove(mark)
            for other in nodes.keys.sorted() where other != mark {
                change(other) { $0.nodesChanged(came: [mark], nowMs: self.nowMs) }
                change(mark) { $0.nodesChanged(forgetful: [other], nowMs: self.nowMs) }
            }
            deliver()
        }

        func occupy(_ channel: ChannelName, on mark: UInt64) { set(channel, true, mark) }
        func leave(_ channel: ChannelName, on mark: UInt64) { set(channel, false, mark) }

        private func set(_ channel: ChannelName, _ isOccupied: Bool, _ mark: UInt64) {
            change(mark) { $0.change(channel, isOccupied: isOccupied, nowMs: self.nowMs) }
            deliver()
        }

        /// Lets all waits pass.
        func settle() {
            for _ in 0..<8 { pass(1_000) }
        }

        func pass(_ ms: Int64) {
            nowMs += ms
            for mark in nodes.keys.sorted() where !silent.contains(mark) { change(mark) { $0.tick(nowMs: self.nowMs) } }
            deliver()
        }

        /// Gives input to a node; its messages wait for `deliver`.
        func change(_ mark: UInt64, _ input: (inout ChannelOccupancy) -> Void) {
            guard nodes[mark] != nil else { return }
            input(&nodes[mark]!)
            for output in nodes[mark]!.takeOutput() {
                switch output {
                case .tell(let channel, let isOccupied):
                    told.append("\(mark): \(channel) \(isOccupied ? "occupied" : "vacated")")
                case .send(let message, let node): wire.append((mark, message, node))
                }
            }
        }

        func deliver(_ count: Int = .max) {
            var rest = count
            while !wire.isEmpty, rest > 0 {
                rest -= 1
                let (from, message, to) = wire.removeFirst()
                guard nodes[from] != nil, !silent.contains(from), !silent.contains(to) else { continue }
                change(to) { $0.receive(message, from: from, nowMs: self.nowMs) }
            }
        }

        /// Loses what is on its way.
        func loseMessages() { wire = [] }

        func takeTold() -> [String] {
            defer { told = [] }
            return told
        }

        var held: [Int] { nodes.keys.sorted().flatMap { [nodes[$0]!.held.own, nodes[$0]!.held.registered] } }
    }

    /// A channel whose places among the nodes are these.
    private func channel(_ primary: UInt64, _ secondary: UInt64?, of marks: UInt64...) -> ChannelName {
        var places = OccupancyPlaces(here: marks[0])
        places.change(gone: [], came: Set(marks.dropFirst()))
        for number in 0... {
            let channel = ChannelName("c\(number)")
            if places.pair(for: channel) == OccupancyPlaces.Pair(primary: primary, secondary: secondary) {
                return channel
            }
        }
        preconditionFailure()
    }

    // MARK: All nodes are there

    @Test("the first subscriber of any node and the last of any node are told, those between are not")
    func firstAndLast() {
        let rig = Rig(1, 2, 3)
        for primary: UInt64 in 1...3 {
            let name = channel(primary, primary % 3 + 1, of: 1, 2, 3)
            for mark: UInt64 in [3, 1, 2] { rig.occupy(name, on: mark) }
            #expect(rig.takeTold() == ["\(primary): \(name) occupied"])
            rig.leave(name, on: 1)
            rig.leave(name, on: 3)
            #expect(rig.takeTold() == [])
            rig.leave(name, on: 2)
            #expect(rig.takeTold() == ["\(primary): \(name) vacated"])
        }
        rig.settle()
        #expect(rig.takeTold() == [])
        #expect(rig.held == [0, 0, 0, 0, 0, 0])
    }

    @Test("two nodes at once")
    func twoAtOnce() {
        let rig = Rig(1, 2, 3)
        let name = channel(3, 1, of: 1, 2, 3)
        for isOccupied in [true, false] {
            for mark: UInt64 in [1, 2] {
                rig.change(mark) { $0.change(name, isOccupied: isOccupied, nowMs: rig.nowMs) }
            }
            rig.deliver()
        }
        #expect(rig.takeTold() == ["3: \(name) occupied", "3: \(name) vacated"])
    }

    @Test("a channel that is left and entered again and again")
    func repeatedly() {
        let rig = Rig(1, 2)
        let name = channel(2, 1, of: 1, 2)
        for _ in 0..<3 {
            rig.occupy(name, on: 1)
            rig.leave(name, on: 1)
            #expect(rig.takeTold() == ["2: \(name) occupied", "2: \(name) vacated"])
        }
    }

    @Test("a node that is the only one tells by itself")
    func alone() {
        let rig = Rig(1)
        rig.occupy("a", on: 1)
        rig.leave("a", on: 1)
        #expect(rig.takeTold() == ["1: a occupied", "1: a vacated"])
        rig.pass(1_000)
        rig.settle()
        #expect(rig.held == [0, 0])
    }

    // MARK: Messages

    @Test("a lost report is repeated, and so is one whose receipt was lost, which changes nothing")
    func losses() {
        let rig = Rig(1, 2, 3)
        let name = channel(2, 3, of: 1, 2, 3)
        for isOccupied in [true, false] {
            let event = "2: \(name) \(isOccupied ? "occupied" : "vacated")"
            rig.change(1) { $0.change(name, isOccupied: isOccupied, nowMs: rig.nowMs) }
            rig.loseMessages()
            rig.pass(1_000)
            #expect(rig.takeTold() == [event])
        }
        rig.change(1) { $0.change(name, isOccupied: true, nowMs: rig.nowMs) }
        rig.silent = [1]
        rig.deliver()
        rig.silent = []
        let report = OccupancyReport(channel: name, number: 9, isOccupied: true, wasTold: false)
        for _ in 0..<3 {
            rig.change(2) { $0.receive(OccupancyMessage(reports: [report]), from: 1, nowMs: rig.nowMs) }
            rig.loseMessages()
        }
        #expect(rig.takeTold() == ["2: \(name) occupied"])
    }

    @Test("an older report that comes after a newer one is dropped")
    func wrongOrder() {
        let rig = Rig(1, 2)
        let name = channel(2, 1, of: 1, 2)
        func report(_ number: UInt64, _ isOccupied: Bool) {
            let report = OccupancyReport(channel: name, number: number, isOccupied: isOccupied, wasTold: false)
            rig.change(2) { $0.receive(OccupancyMessage(reports: [report]), from: 1, nowMs: rig.nowMs) }
        }
        report(2, false)
        report(1, true)
        #expect(rig.takeTold() == [])
        report(5, true)
        report(4, false)
        #expect(rig.takeTold() == ["2: \(name) occupied"])
        report(6, false)
        report(5, true)
        rig.pass(1_000)
        report(3, true)
        #expect(rig.takeTold() == ["2: \(name) vacated"])
        rig.loseMessages()
        rig.settle()
        #expect(rig.nodes[2]!.held == (0, 0))
    }

    @Test("a report of a node that is not known, and one for another node, are left to be repeated")
    func strangers() {
        let rig = Rig(1, 2, 3)
        let report = OccupancyReport(
            channel: channel(1, 2, of: 1, 2, 3), number: 1, isOccupied: true, wasTold: false)
        rig.change(1) { $0.receive(OccupancyMessage(reports: [report]), from: 9, nowMs: rig.nowMs) }
        rig.change(3) { $0.receive(OccupancyMessage(reports: [report]), from: 2, nowMs: rig.nowMs) }
        #expect(rig.takeTold() == [])
        #expect(rig.held == [0, 0, 0, 0, 0, 0])
    }

    // MARK: Nodes end

    @Test("the last subscribers die with their node: told once, and not at once, for they may come to another node")
    func nodeDeath() {
        let rig = Rig(1, 2, 3)
        let (lost, moved) = (channel(1, 2, of: 1, 2, 3), channel(2, 1, of: 1, 2, 3))
        for name in [lost, moved] { rig.occupy(name, on: 3) }
        _ = rig.takeTold()
        rig.kill(3)
        #expect(rig.takeTold() == [])
        rig.occupy(moved, on: 1)
        rig.settle()
        #expect(rig.takeTold() == ["1: \(lost) vacated"])
        rig.leave(moved, on: 1)
        #expect(rig.takeTold() == ["2: \(moved) vacated"])
    }

    @Test("the primary dies, and with it the last subscribers: the secondary tells")
    func primaryDeathWithSubscribers() {
        let rig = Rig(1, 2, 3)
        let name = channel(1, 2, of: 1, 2, 3)
        rig.occupy(name, on: 1)
        #expect(rig.takeTold() == ["1: \(name) occupied"])
        rig.kill(1)
        rig.settle()
        #expect(rig.takeTold() == ["2: \(name) vacated"])
        rig.settle()
        #expect(rig.held == [0, 0, 0, 0])
    }

    @Test("the primary dies without subscribers: nothing is told until the last has gone")
    func primaryDeath() {
        let rig = Rig(1, 2, 3)
        let name = channel(1, 2, of: 1, 2, 3)
        rig.occupy(name, on: 3)
        _ = rig.takeTold()
        rig.kill(1)
        rig.settle()
        #expect(rig.takeTold() == [])
        rig.leave(name, on: 3)
        #expect(rig.takeTold() == ["2: \(name) vacated"])
    }

    @Test("the primary dies before it has told: the secondary tells")
    func primaryDeathBeforeTelling() {
        let rig = Rig(1, 2, 3)
        let (first, last) = (channel(1, 2, of: 1, 2, 3), channel(1, 3, of: 1, 2, 3))
        rig.occupy(last, on: 2)
        _ = rig.takeTold()
        rig.silent = [1]
        rig.occupy(first, on: 3)
        rig.leave(last, on: 2)
        rig.kill(1)
        rig.settle()
        #expect(Set(rig.takeTold()) == ["2: \(first) occupied", "3: \(last) vacated"])
    }

    @Test("the primary dies after it has told and before its receipt has arrived: the event comes again")
    func window() {
        let rig = Rig(1, 2, 3)
        let name = channel(1, 2, of: 1, 2, 3)
        let report = OccupancyReport(channel: name, number: 1, isOccupied: true, wasTold: false)
        rig.change(1) { $0.receive(OccupancyMessage(reports: [report]), from: 3, nowMs: rig.nowMs) }
        rig.loseMessages()
        rig.silent = [1]
        rig.occupy(name, on: 3)
        rig.kill(1)
        rig.settle()
        #expect(rig.takeTold() == ["1: \(name) occupied", "2: \(name) occupied"])
    }

    @Test("primary and secondary die together: the third knows what was told")
    func bothDie() {
        let rig = Rig(1, 2, 3)
        let name = channel(1, 2, of: 1, 2, 3)
        rig.occupy(name, on: 3)
        _ = rig.takeTold()
        rig.kill(1)
        rig.kill(2)
        rig.settle()
        #expect(rig.takeTold() == [])
        rig.leave(name, on: 3)
        #expect(rig.takeTold() == ["3: \(name) vacated"])
    }

    @Test("a node that ends tells nothing more, unless it is the last")
    func ends() {
        let rig = Rig(1, 2)
        let name = channel(1, 2, of: 1, 2)
        rig.occupy(name, on: 2)
        rig.change(1) { $0.end(nowMs: rig.nowMs) }
        rig.leave(name, on: 2)
        #expect(rig.takeTold() == ["1: \(name) occupied"])
        rig.kill(1)
        rig.change(2) { $0.end(nowMs: rig.nowMs) }
        #expect(rig.takeTold() == ["2: \(name) vacated"])
    }

    // MARK: Nodes come

    @Test("a node that joins takes over as primary, and knows what was told")
    func takeOver() {
        let rig = Rig(1, 2)
        let names = [
            channel(3, 1, of: 1, 2, 3), channel(3, 2, of: 1, 2, 3), channel(1, 3, of: 1, 2, 3),
            channel(2, 3, of: 1, 2, 3),
        ]
        for name in names { rig.occupy(name, on: 1) }
        for name in names.prefix(2) { rig.occupy(name, on: 2) }
        #expect(rig.takeTold().count == 4)
        rig.join(3)
        // While others report to it.
        rig.leave(names[0], on: 1)
        rig.leave(names[0], on: 2)
        #expect(rig.takeTold() == [])
        rig.settle()
        #expect(rig.takeTold() == ["3: \(names[0]) vacated"])
        rig.leave(names[1], on: 1)
        rig.leave(names[1], on: 2)
        rig.leave(names[2], on: 1)
        rig.kill(2)
        rig.settle()
        rig.leave(names[3], on: 1)
        #expect(rig.takeTold() == ["3: \(names[1]) vacated", "1: \(names[2]) vacated", "3: \(names[3]) vacated"])
    }

    @Test("a node joins while it is open whether the subscribers of a dead one come back")
    func takeOverUndecided() {
        let rig = Rig(1, 2, 4)
        let name = channel(3, 1, of: 1, 2, 3)
        rig.occupy(name, on: 4)
        _ = rig.takeTold()
        rig.kill(4)
        rig.pass(1_000)
        rig.join(3)
        rig.settle()
        #expect(rig.takeTold() == ["3: \(name) vacated"])
    }

    @Test("a node joins while the receipt of the former primary is on its way: nothing is told twice")
    func takeOverReceipt() {
        let rig = Rig(1, 2)
        let name = channel(3, 1, of: 1, 2, 3)
        rig.change(2) { $0.change(name, isOccupied: true, nowMs: rig.nowMs) }
        rig.deliver(1)
        #expect(rig.takeTold() == ["1: \(name) occupied"])
        rig.join(3)
        rig.settle()
        #expect(rig.takeTold() == [])
        rig.leave(name, on: 2)
        #expect(rig.takeTold() == ["3: \(name) vacated"])
    }

    @Test("one node of three is replaced after the other: no event is told twice")
    func rolling() {
        let rig = Rig(1, 2, 3)
        let names = (0..<60).map { ChannelName("room\($0)") }
        for (index, name) in names.enumerated() { rig.occupy(name, on: UInt64(1 + index % 3)) }
        #expect(rig.takeTold().count == 60)
        for mark: UInt64 in 1...3 {
            let next = mark + 10
            rig.join(next)
            rig.settle()
            for (index, name) in names.enumerated() where UInt64(1 + index % 3) == mark {
                rig.occupy(name, on: next)
                rig.leave(name, on: mark)
            }
            rig.kill(mark)
            rig.settle()
            #expect(rig.takeTold() == [])
        }
        for (index, name) in names.enumerated() { rig.leave(name, on: UInt64(11 + index % 3)) }
        #expect(rig.takeTold().count == 60)
        rig.settle()
        rig.settle()
        #expect(rig.held == [0, 0, 0, 0, 0, 0])
    }

    // MARK: Paused nodes

    @Test("a node that was taken for dead comes back: its channels are occupied again, the others' are as they are")
    func back() {
        let rig = Rig(1, 2, 3)
        let own = channel(1, 2, of: 1, 2, 3)
        let (shared, left) = (channel(3, 1, of: 1, 2, 3), channel(3, 2, of: 1, 2, 3))
        for name in [own, shared, left] { rig.occupy(name, on: 3) }
        rig.occupy(shared, on: 1)
        rig.occupy(left, on: 1)
        #expect(rig.takeTold().count == 3)
        rig.leave(left, on: 3)
        rig.silent = [3]
        rig.lose(3)
        rig.settle()
        #expect(rig.takeTold() == ["1: \(own) vacated"])
        rig.leave(left, on: 1)
        #expect(rig.takeTold() == ["2: \(left) vacated"])
        rig.comeBack(3)
        rig.settle()
        #expect(rig.takeTold() == ["1: \(own) occupied"])
        for name in [own, shared] { rig.leave(name, on: 3) }
        rig.leave(shared, on: 1)
        #expect(rig.takeTold() == ["1: \(own) vacated", "3: \(shared) vacated"])
        rig.settle()
        rig.settle()
        #expect(rig.held == [0, 0, 0, 0, 0, 0])
    }

    @Test("a primary with the only subscribers comes back: another had told that they are gone")
    func primaryBack() {
        let rig = Rig(1, 2)
        let name = channel(1, 2, of: 1, 2)
        rig.occupy(name, on: 1)
        rig.silent = [1]
        rig.lose(1)
        rig.settle()
        #expect(rig.takeTold() == ["1: \(name) occupied", "2: \(name) vacated"])
        rig.comeBack(1)
        rig.settle()
        #expect(rig.takeTold() == ["1: \(name) occupied"])
    }

    @Test("a node comes back before anything was told of its death")
    func backInTime() {
        let rig = Rig(1, 2)
        let names = [channel(1, 2, of: 1, 2), channel(2, 1, of: 1, 2)]
        for name in names { rig.occupy(name, on: 1) }
        #expect(rig.takeTold().count == 2)
        rig.silent = [1]
        rig.lose(1)
        rig.pass(1_000)
        rig.comeBack(1)
        rig.settle()
        #expect(rig.takeTold() == [])
    }

    // MARK: Places

    @Test("channels are spread evenly, and only those of a node that has gone move, to their secondary")
    func places() {
        var all = OccupancyPlaces(here: 0x3a_91_07)
        all.change(gone: [], came: [0x00_00_01, 0xff_00_10, 0x12_34_56])
        var less = all
        less.change(gone: [0x12_34_56], came: [])
        var counts: [UInt64: Int] = [:]
        for number in 0..<8_000 {
            let channel = ChannelName("chat:\(number)")
            let (before, after) = (all.pair(for: channel), less.pair(for: channel))
            counts[before.primary, default: 0] += 1
            #expect(after.primary == (before.primary == 0x12_34_56 ? before.secondary : before.primary))
        }
        #expect(counts.count == 4)
        #expect(counts.values.allSatisfy { (1_700...2_300).contains($0) }, "\(counts)")
    }
}
