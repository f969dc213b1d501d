import PharosDomain
import Testing

@Suite("When an origin is asked")
struct OriginMachineTests {
    private enum Step {
        case question(Int64, Bool)
        case answered(CircuitBreaker.Change)
        case failed(Int64, CircuitBreaker.Change)
    }

    private func run(_ steps: [Step], failures: Int = 3) {
        var breaker = CircuitBreaker(failures: failures, pauseMs: 100)
        for (index, step) in steps.enumerated() {
            switch step {
            case .question(let nowMs, let isLetThrough):
                #expect(breaker.questionArrived(nowMs: nowMs) == isLetThrough, "step \(index)")
            case .answered(let change): #expect(breaker.answered() == change, "step \(index)")
            case .failed(let nowMs, let change): #expect(breaker.failed(nowMs: nowMs) == change, "step \(index)")
            }
        }
    }

    @Test("failures in a row open the breaker; an answer in between begins the count again")
    func opens() {
        run([
            .failed(0, .none), .failed(0, .none), .answered(.none), .failed(0, .none), .failed(0, .none),
            .question(0, true), .failed(10, .opened), .question(10, false), .question(109, false),
        ])
    }

    @Test("after the pause one question tries, and its end decides")
    func tries() {
        run([
            .failed(0, .none), .failed(0, .none), .failed(0, .opened), .question(100, true), .question(100, false),
            .question(500, false), .failed(500, .none), .question(599, false), .question(600, true),
            .answered(.closed), .question(600, true), .question(600, true), .failed(600, .none), .question(600, true),
        ])
    }

    @Test("what was asked before the pause neither makes it longer nor is its answer ignored")
    func late() {
        run([
            .failed(0, .none), .failed(0, .none), .failed(0, .opened), .failed(99, .none), .question(100, true),
            .answered(.closed), .answered(.none),
        ])
    }

    @Test("a breaker of no failures never opens")
    func never() {
        run((0..<100).flatMap { [.failed($0, .none), .question($0, true)] }, failures: 0)
    }

    @Test("a request that was never sent is made again with growing pauses, as far as time allows")
    func notConnected() {
        var schedule = RetrySchedule(retries: 3, isRepeatable: false)
        #expect(schedule.attemptFailed(.notConnected, remainingMs: 1_000) == .again(afterMs: 20))
        #expect(schedule.attemptFailed(.notConnected, remainingMs: 1_000) == .again(afterMs: 40))
        #expect(schedule.attemptFailed(.notConnected, remainingMs: 80) == .giveUp)
        #expect(schedule.attemptFailed(.notConnected, remainingMs: 81) == .again(afterMs: 80))
        #expect(schedule.attemptFailed(.notConnected, remainingMs: 1_000) == .giveUp)
    }

    @Test("a request on a kept connection that ended before an answer is made again at once, one that was sent never")
    func sent() {
        var schedule = RetrySchedule(retries: 2, isRepeatable: false)
        #expect(schedule.attemptFailed(.keptConnectionEnded, remainingMs: 1) == .again(afterMs: 0))
        #expect(schedule.attemptFailed(.connectionEnded, remainingMs: 1_000) == .giveUp)
        var none = RetrySchedule(retries: 0, isRepeatable: true)
        #expect(none.attemptFailed(.keptConnectionEnded, remainingMs: 1_000) == .giveUp)
    }

    @Test("what its receiver knows again by its number may be sent twice")
    func repeatable() {
        var schedule = RetrySchedule(retries: 1, isRepeatable: true)
        #expect(schedule.attemptFailed(.connectionEnded, remainingMs: 1_000) == .again(afterMs: 20))
        #expect(schedule.attemptFailed(.connectionEnded, remainingMs: 1_000) == .giveUp)
    }

    @Test("permission is asked once; while that is open requests wait, and after a refusal it is asked again")
    func permission() {
        var permission = SenderPermission(isNeeded: true)
        #expect(permission.requestArrived(nowMs: 0) == .ask)
        #expect(permission.requestArrived(nowMs: 0) == .wait)
        permission.refused(nowMs: 10, pauseMs: 100)
        #expect(permission.requestArrived(nowMs: 109) == .refused)
        #expect(permission.requestArrived(nowMs: 110) == .ask)
        permission.granted()
        #expect(permission.requestArrived(nowMs: 110) == .send)
        var unneeded = SenderPermission(isNeeded: false)
        #expect(unneeded.requestArrived(nowMs: 0) == .send)
    }
}
