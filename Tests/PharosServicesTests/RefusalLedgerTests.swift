import PharosBytes
import PharosDomain
import PharosServices
import Testing

@Suite("Refusals")
struct RefusalLedgerTests {
    private final class Rig: Sendable {
        let time = Locked<Int64>(1_000)
        let lines = Locked<[RefusalLedger.Line]>([])
        let ledger: RefusalLedger

        init() {
            let (time, lines) = (time, lines)
            ledger = RefusalLedger(nowMs: { time.withLock { $0 } }) { line in lines.withLock { $0.append(line) } }
        }

        func note(_ kind: RefusalKind, _ reason: String, times: Int = 1) {
            for _ in 0..<times { if let line = ledger.count(kind, reason) { ledger.write(line) } }
        }

        func pass(_ ms: Int64) { time.withLock { $0 += ms } }

        /// The lines that have been written since the last look.
        func written() -> [RefusalLedger.Line] {
            lines.withLock { lines in
                defer { lines = [] }
                return lines
            }
        }
    }

    @Test("the table has names for Prometheus, and closed sets of reasons with a last one for the rest")
    func table() {
        #expect(Set(RefusalKind.allCases.map(\.row.metric)).count == RefusalKind.allCases.count)
        for kind in RefusalKind.allCases {
            let row = kind.row
            #expect(row.metric.hasSuffix("_total") && row.metric.allSatisfy { $0 == "_" || ("a"..."z").contains($0) })
            #expect(row.reasons.last == "other" && Set(row.reasons).count == row.reasons.count, "\(kind)")
            #expect(row.usual.isSubset(of: row.reasons))
            #expect(!row.help.isEmpty && !row.message.isEmpty)
        }
    }

    @Test("every kind and reason is counted, and reported with what is known", arguments: RefusalKind.allCases)
    func counted(kind: RefusalKind) {
        let rig = Rig()
        for reason in kind.row.reasons {
            rig.note(kind, reason, times: 2)
            rig.pass(RefusalLedger.whileMs)
            let written = rig.written()
            #expect(written.count == (kind.row.usual.contains(reason) ? 0 : 2))
            if case .refused(let refusal, suppressed: 0)? = written.first { #expect(refusal.reason == reason) }
        }
        #expect(rig.ledger.counts == [kind: Dictionary(uniqueKeysWithValues: kind.row.reasons.map { ($0, 2) })])
        rig.note(kind, "invented by a stranger")
        #expect(rig.ledger.counts[kind]?["other"] == 3)
        #expect(rig.ledger.counts[kind]?.count == kind.row.reasons.count)
    }

    @Test("a flood of one kind writes few lines and leaves the other kinds alone; what was left out is said once")
    func flood() {
        let rig = Rig()
        rig.note(.origin, "not_allowed", times: 1_000)
        #expect(rig.written().count == RefusalLedger.linesAtOnce)
        rig.note(.apiKey, "wrong")
        #expect(rig.written().count == 1)
        rig.ledger.tick()
        #expect(rig.written().isEmpty)
        rig.pass(RefusalLedger.whileMs)
        rig.note(.origin, "several")
        let left = UInt64(1_000 - RefusalLedger.linesAtOnce)
        #expect(rig.written() == [.refused(Refusal(.origin, reason: "several"), suppressed: left)])
        rig.ledger.tick()
        #expect(rig.written().isEmpty)
        #expect(rig.ledger.counts[.origin] == ["not_allowed": 1_000, "several": 1])
    }

    @Test("after a flood that has ended, what was left out is reported without another refusal")
    func floodThatEnds() {
        let rig = Rig()
        rig.note(.token, "signature", times: RefusalLedger.linesAtOnce + 5)
        rig.pass(RefusalLedger.whileMs - 1)
        rig.ledger.tick()
        #expect(rig.written().count == RefusalLedger.linesAtOnce)
        rig.pass(1)
        rig.ledger.tick()
        rig.ledger.tick()
        #expect(rig.written() == [.suppressed(.token, 5)])
    }

    @Test("a line has what is known, in one order, and nothing for what is not")
    func fields() {
        var refusal = Refusal(.permission, reason: "subscribe")
        #expect(refusal.fields == [.init("method", "subscribe")])
        (refusal.client, refusal.user, refusal.address) = ("c", "u", "a")
        refusal.details = [.init("channel", "x")]
        #expect(refusal.fields.map(\.name) == ["method", "client", "user", "address", "channel"])
    }
}
