import CPharosSys

/// Publications that an engine has answered for together.
package struct EngineBatch: Equatable, Sendable {
    package var publications: Int
    /// From their being sent to the last answer, in nanoseconds.
    package var nanoseconds: Int64

    package init(publications: Int, nanoseconds: Int64) {
        self.publications = publications
        self.nanoseconds = nanoseconds
    }
}

/// Hears of each batch of an engine, on its link thread; must not block.
package typealias EngineObserver = @Sendable (EngineBatch) -> Void

/// Publications that are sent together, until all of them have ended.
///
/// Those that were refused, or whose outcome is not known, do not count. Used on one thread.
package final class EngineRound {
    private let beganNs = pharos_monotonic_ns()
    private let observe: EngineObserver
    private var open = 0
    private var answered = 0
    private var isSent = false

    package init(_ observe: @escaping EngineObserver) { self.observe = observe }

    /// One more publication is sent.
    package func add() { open += 1 }

    /// One of them has ended.
    package func end(isAnswered: Bool) {
        open -= 1
        if isAnswered { answered += 1 }
        reportIfOver()
    }

    /// No more will be sent.
    package func seal() {
        isSent = true
        reportIfOver()
    }

    private func reportIfOver() {
        guard isSent, open == 0, answered > 0 else { return }
        observe(EngineBatch(publications: answered, nanoseconds: pharos_monotonic_ns() - beganNs))
        answered = 0
    }
}
