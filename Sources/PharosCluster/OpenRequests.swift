/// The requests of a relay without an answer yet, and when each is due.
struct OpenRequests {
    private let limitMs: Int64
    private var deadlines: [UInt64: Int64] = [:]

    /// - Parameter limitMs: from a request to its answer, at most.
    init(limitMs: Int64) { self.limitMs = limitMs }

    var count: Int { deadlines.count }

    /// - Parameter ticket: of a request that is made now; of no other that is open.
    mutating func add(_ ticket: UInt64, nowMs: Int64) { deadlines[ticket] = nowMs + limitMs }

    /// An answer has come; false: it is the second one of its request.
    mutating func take(_ ticket: UInt64) -> Bool { deadlines.removeValue(forKey: ticket) != nil }

    /// The requests whose time is over; they stay open until an answer is taken.
    func overdue(nowMs: Int64) -> [UInt64] { deadlines.filter { $0.value <= nowMs }.keys.sorted() }
}
