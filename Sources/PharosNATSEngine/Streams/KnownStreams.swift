import PharosDomain

/// Whether a stream can be used.
enum StreamUse {
    case ready, later
    case refused(ReplyError)
}

/// The streams as far as this node knows them. A machine without IO.
///
/// Those that need a stream wait until it is known. Each of them is called exactly once, whatever is found out about the
/// stream meanwhile.
struct KnownStreams {
    typealias Waiter = (StreamUse) -> Void

    private enum State {
        /// The servers are asked for it; these wait for the answer.
        case asked([Waiter])
        case ready
        /// It cannot be used until the link is made anew.
        case refused(ReplyError)
    }

    /// The next step of a user of a stream.
    enum Step {
        /// Go on.
        case known(StreamUse)
        /// Nothing: the waiter is called later.
        case wait
        /// Ask the servers, and say by `found` what they answer.
        case ask
    }

    private var states: [StreamID: State] = [:]

    /// The streams that can be used.
    var ready: [StreamID] { states.compactMap { if case .ready = $0.value { $0.key } else { nil } } }

    func isKnown(_ id: StreamID) -> Bool { states[id] != nil }

    /// - Parameter waiter: kept unless the stream is known.
    mutating func use(_ id: StreamID, _ waiter: @escaping Waiter) -> Step {
        switch states[id] {
        case .ready: return .known(.ready)
        case .refused(let error): return .known(.refused(error))
        case .asked(let waiting):
            states[id] = .asked(waiting + [waiter])
            return .wait
        case nil:
            states[id] = .asked([waiter])
            return .ask
        }
    }

    /// The answer to a question; those that waited for it are to be called.
    mutating func found(_ id: StreamID, _ use: StreamUse) -> [Waiter] {
        guard case .asked(let waiting) = states[id] else { return [] }
        switch use {
        case .ready: states[id] = .ready
        case .later: states[id] = nil
        case .refused(let error): states[id] = .refused(error)
        }
        return waiting
    }

    /// The stream turned out to be gone.
    ///
    /// A question that is open already tells more than that; and some wait for its answer.
    mutating func forget(_ id: StreamID) {
        if case .ready = states[id] { states[id] = nil }
    }

    /// The link was made anew: what was refused may be allowed there.
    mutating func forgetRefusals() {
        states = states.filter { if case .refused = $0.value { false } else { true } }
    }
}
