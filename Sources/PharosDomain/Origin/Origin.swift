/// The application, as Pharos asks it: over HTTP, or closures in the same process.
///
/// Called from every shard at once.
package protocol Origin: Sendable {
    /// Asks the application, and calls `answer` exactly once, on any thread.
    ///
    /// No answer in time, an origin that is down and nonsense are all `HookOutcome.unavailable`. It must not block, and
    /// must not call `answer` before it returns.
    ///
    /// - Parameter name: which of the configured origins is meant; a namespace may have one of its own.
    func ask(_ request: HookRequest, of name: OriginName, answer: @escaping @Sendable (HookOutcome) -> Void)
}

/// The application behind a path without our protocol.
///
/// Every connection and every message is an event to it.
package protocol RawOrigin: Sendable {
    /// Delivers one event, and calls `answer` exactly once, on any thread.
    ///
    /// Must not block.
    ///
    /// Events of one connection are handed over one at a time, each after the answer to the one before.
    func deliver(_ event: RawEvent, to name: OriginName, answer: @escaping @Sendable (RawAnswer) -> Void)
}

package struct RawEvent: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        /// - Parameter subprotocol: "" none.
        case established(subprotocol: String)
        case message([UInt8], isText: Bool)
    }

    /// The connection's id as the origin knows it.
    package var connection: ClientName
    package var kind: Kind
    /// Counts the events of one connection, from 1.
    package var sequence: UInt64
    /// Sent with `established` only.
    package var facts = RequestFacts()
    /// The client's address for this server's own log; never passed on.
    package var peer: PeerAddress = ""

    package init(connection: ClientName, kind: Kind, sequence: UInt64) {
        self.connection = connection
        self.kind = kind
        self.sequence = sequence
    }
}

package enum RawAnswer: Equatable, Sendable {
    /// The origin has it; the messages are for the connection, in order.
    case accepted([RawMessage])
    /// The origin wants the connection closed, after these messages.
    case close([RawMessage], code: UInt16, reason: String)
    /// It did not take the event: the connection is closed.
    case failed
}

package struct RawMessage: Equatable, Sendable {
    package var data: [UInt8]
    package var isText: Bool

    package init(_ data: [UInt8], isText: Bool) {
        self.data = data
        self.isText = isText
    }
}
