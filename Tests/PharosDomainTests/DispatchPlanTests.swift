import PharosDomain
import Testing

@Suite("the plan by which events are sent") struct DispatchPlanTests {
    private func events(_ sequences: ClosedRange<UInt64>, atMs: Int64 = 0) -> [NumberedEvent] {
        sequences.map { NumberedEvent(sequence: $0, event: OriginEvent(.connected, atMs: atMs)) }
    }

    @Test("a batch that is acknowledged is forgotten with the next reading")
    func acknowledged() {
        var plan = DispatchPlan(keptForMs: 60_000)
        #expect(plan.started() == .read(after: 0))
        #expect(plan.eventsRead(events(1...3), nowMs: 0, isOverfull: false) == .send(events(1...3)))
        #expect(plan.answered(true, nowMs: 0, isOverfull: false, chance: 0) == .read(after: 3))
        #expect(plan.eventsRead(events(7...8), nowMs: 0, isOverfull: false) == .send(events(7...8)))
        #expect(plan.answered(true, nowMs: 0, isOverfull: false, chance: 0) == .read(after: 8))
        #expect(plan.eventsRead([], nowMs: 0, isOverfull: false) == .end)
    }

    @Test("a batch that is not acknowledged is repeated as it was, after pauses that double up to half a minute")
    func repeated() {
        var plan = DispatchPlan(keptForMs: 10_000_000)
        _ = plan.started()
        _ = plan.eventsRead(events(1...3), nowMs: 0, isOverfull: false)
        var pauses: [Int64] = []
        for _ in 1...12 {
            guard
                case .wait(let pause) = plan.answered(
                    false, nowMs: 0, isOverfull: false, chance: pauses.count.isMultiple(of: 2) ? 0 : 0.999_999)
            else {
                Issue.record("no pause")
                return
            }
            pauses.append(pause)
            #expect(plan.waited() == .send(events(1...3)))
        }
        #expect(pauses == [50, 199, 200, 799, 800, 3_199, 3_200, 12_799, 12_800, 29_999, 15_000, 29_999])
        #expect(plan.isFailing)
        #expect(plan.answered(true, nowMs: 0, isOverfull: false, chance: 0) == .read(after: 3))
        #expect(!plan.isFailing)
        _ = plan.eventsRead(events(4...4), nowMs: 0, isOverfull: false)
        #expect(plan.answered(false, nowMs: 0, isOverfull: false, chance: 0) == .wait(milliseconds: 50))
    }

    @Test("what has waited too long becomes a dead letter after one more attempt, and the rest goes on")
    func deadLettered() {
        var plan = DispatchPlan(keptForMs: 1_000)
        _ = plan.started()
        let batch = events(1...2, atMs: 100) + events(3...3, atMs: 900)
        #expect(plan.eventsRead(batch, nowMs: 1_500, isOverfull: false) == .send(batch))
        #expect(plan.answered(false, nowMs: 1_500, isOverfull: false, chance: 0) == .deadLetter(Array(batch[..<2])))
        #expect(plan.deadLettered(true, chance: 0) == .wait(milliseconds: 50))
        #expect(plan.waited() == .send([batch[2]]))
        #expect(plan.answered(false, nowMs: 1_900, isOverfull: false, chance: 0) == .deadLetter([batch[2]]))
        #expect(plan.deadLettered(true, chance: 0) == .read(after: 3))
        // The origin is known to be down: what is too old is not tried first, what is not is.
        let old = events(4...4, atMs: 100)
        #expect(plan.eventsRead(old, nowMs: 2_000, isOverfull: false) == .deadLetter(old))
        #expect(plan.deadLettered(true, chance: 0) == .read(after: 4))
        let young = events(5...5, atMs: 1_990)
        #expect(plan.eventsRead(young, nowMs: 2_000, isOverfull: false) == .send(young))
    }

    @Test("what cannot be written to the dead letters is sent again")
    func unburied() {
        var plan = DispatchPlan(keptForMs: 0)
        _ = plan.started()
        _ = plan.eventsRead(events(1...2), nowMs: 1, isOverfull: false)
        #expect(plan.answered(false, nowMs: 1, isOverfull: false, chance: 0) == .deadLetter(events(1...2)))
        #expect(plan.deadLettered(false, chance: 0) == .wait(milliseconds: 50))
        #expect(plan.waited() == .send(events(1...2)))
        #expect(plan.answered(true, nowMs: 1, isOverfull: false, chance: 0) == .read(after: 2))
    }

    @Test("when twice too much waits, an origin that is down loses even what is new to the dead letters")
    func overfull() {
        var plan = DispatchPlan(keptForMs: 1_000_000)
        _ = plan.started()
        #expect(plan.eventsRead(events(1...2), nowMs: 0, isOverfull: true) == .send(events(1...2)))
        #expect(plan.answered(false, nowMs: 0, isOverfull: true, chance: 0) == .deadLetter(events(1...2)))
        #expect(plan.deadLettered(true, chance: 0) == .read(after: 2))
        #expect(plan.eventsRead(events(3...3), nowMs: 0, isOverfull: false) == .send(events(3...3)))
    }

    @Test("at the end of the server pauses are short")
    func ending() {
        var plan = DispatchPlan(keptForMs: 1_000_000)
        _ = plan.started()
        _ = plan.eventsRead(events(1...1), nowMs: 0, isOverfull: false)
        for _ in 1...20 {
            let action = plan.answered(false, nowMs: 0, isOverfull: false, chance: 0.999_999, isEnding: true)
            guard case .wait(let pause) = action else {
                Issue.record("no pause")
                return
            }
            #expect(pause < 500)
            _ = plan.waited()
        }
    }
}

@Suite("which events are recorded and sent") struct EventRulesTests {
    @Test("nothing is recorded where nothing is sent")
    func nothing() {
        #expect(EventRules(HookSettings()).kinds == [])
        var settings = HookSettings()
        settings.events = [.connected]
        #expect(EventRules(settings).kinds == [])
        settings.eventsTo = "app"
        #expect(EventRules(settings).kinds == [.connected, .disconnected])
        #expect(EventRules(settings).origins == ["app"])
    }

    @Test("keep-alives alone need to know who is connected")
    func keepAlives() {
        var settings = HookSettings()
        settings.eventsTo = "app"
        settings.keepAliveInterval = 10
        let rules = EventRules(settings)
        #expect(rules.kinds == [.connected, .disconnected])
        #expect(rules.target(of: OriginEvent(.connected, atMs: 0)) == nil)
    }

    @Test("channels are remembered without the connections in them")
    func channels() {
        var settings = HookSettings()
        settings.eventsTo = "app"
        settings.events = [.vacated]
        let rules = EventRules(settings)
        #expect(rules.kinds == [.occupied, .vacated])
        #expect(rules.target(of: OriginEvent(.occupied, atMs: 0)) == nil)
        #expect(rules.target(of: OriginEvent(.vacated, atMs: 0)) == "app")
    }
}
