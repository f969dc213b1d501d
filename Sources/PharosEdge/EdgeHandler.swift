/// The service that runs on an edge's shard, as the edge calls it.
///
/// Every call comes on the shard's thread.
///
/// Pointers (heads, bodies, messages) are valid during the call only. A handler may call any method of `edge` inside.
package protocol EdgeHandler: ~Copyable {
    /// The messages that other threads may post to this shard.
    associatedtype Mail: Sendable

    /// A request's head has arrived whole: who is to serve it?
    ///
    /// Asked again, with the same head, after `.later`.
    mutating func headReceived(_ id: ConnectionID, _ head: RequestHead, _ edge: inout Edge) -> HeadDecision

    /// A request and its body have arrived whole.
    ///
    /// Answer with `edge.respond` or `edge.beginStream`, now or later; a handler that answers later may want to
    /// `edge.park` the request.
    mutating func requestReceived(
        _ id: ConnectionID, _ head: RequestHead, body: UnsafeRawBufferPointer, _ edge: inout Edge)

    /// The upgrade response is on its way; messages follow.
    mutating func webSocketOpened(
        _ id: ConnectionID, _ head: RequestHead, subprotocol: WebSocketHandshake.Subprotocol, _ edge: inout Edge)

    /// One whole WebSocket message.
    mutating func messageReceived(
        _ id: ConnectionID, _ message: UnsafeRawBufferPointer, isText: Bool, _ edge: inout Edge)

    /// A WebSocket pong frame.
    mutating func pongReceived(_ id: ConnectionID, _ edge: inout Edge)

    /// The peer closed, broke the protocol or vanished.
    ///
    /// It is called for WebSockets, streams, parked requests and heads that wait for a decision, not for connections
    /// that the handler itself closed.
    mutating func connectionClosed(_ id: ConnectionID, _ edge: inout Edge)

    /// The time given to `edge.setTimer` has come.
    mutating func timerFired(_ id: ConnectionID, _ edge: inout Edge)

    /// More output waits than the limit allows, after sending what the socket takes.
    mutating func becameSlow(_ id: ConnectionID, _ edge: inout Edge)

    /// Output waits, and the socket has taken none of it for the write timeout.
    mutating func writeTimedOut(_ id: ConnectionID, _ edge: inout Edge)

    /// Published messages were dropped that a connection will not get.
    ///
    /// They were dropped by the policy they were published with. It is called once per turn, connection and topic.
    ///
    /// - Parameters:
    ///   - dropped: so many were dropped, since too much was waiting.
    ///   - replaced: so many waited until a newer one of the same key replaced them.
    mutating func publicationsDropped(
        _ id: ConnectionID, topic: UInt32, dropped: Int, replaced: Int, _ edge: inout Edge)

    /// A detached connection has more output than before.
    ///
    /// It is called at a turn's end, once for all that came in it. Output that is sent in here leaves in the same turn.
    mutating func outputArrived(_ id: ConnectionID, _ edge: inout Edge)

    mutating func mailReceived(_ mail: Mail, _ edge: inout Edge)

    /// Output is about to be sent.
    ///
    /// Messages to others that must not arrive after that output are to leave now. It is called each time that output is
    /// sent, and at the end of the turn.
    ///
    /// - Returns: whether others have got questions or answers, so that they may soon have more for this shard.
    @discardableResult
    mutating func outputLeaves(_ edge: inout Edge) -> Bool

    /// The most bytes of body with which a request may be handed on ahead of its turn.
    ///
    /// That is before those before it have been answered; nil: it waits for them. Asked only on connections that
    /// `allowReadingAhead` was called for, about requests that have arrived whole; `headReceived` is not called then.
    func readsAhead(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) -> Int?

    /// Goes on with work that would have made an earlier turn too long.
    ///
    /// It is called once, in the turn after `edge.askToContinue`.
    mutating func continueWork(_ edge: inout Edge)

    /// About once a second: housekeeping.
    mutating func ticked(_ edge: inout Edge)
}

extension EdgeHandler where Self: ~Copyable {
    /// Most handlers publish nothing that is dropped.
    package mutating func publicationsDropped(
        _ id: ConnectionID, topic: UInt32, dropped: Int, replaced: Int, _ edge: inout Edge
    ) {}

    /// Most handlers have no detached connections.
    package mutating func outputArrived(_ id: ConnectionID, _ edge: inout Edge) {}

    /// Most handlers answer at once.
    package func readsAhead(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) -> Int? { nil }

    /// Most handlers are done with a message when it has been handed on.
    package mutating func continueWork(_ edge: inout Edge) {}

    /// Does nothing: most handlers send only to their connections.
    package mutating func outputLeaves(_ edge: inout Edge) -> Bool { false }
}

/// A handler's decision about a request whose head has arrived.
package enum HeadDecision {
    /// Upgrade to WebSocket; the answer names the subprotocol.
    case webSocket(WebSocketHandshake.Subprotocol)
    /// Not known yet: the head is kept for a later decision.
    ///
    /// `edge.resumeHead` has it asked about again, or `connectionClosed` reports its end. When neither comes in time
    /// the request is refused with 503.
    case later(timeoutMs: Int64)
    /// The handler, once the body has arrived, which may have `limit` bytes.
    ///
    /// `isTrusted`: the request has shown a key, so its body may take from all of the budget (`BodyBudget`).
    case read(limit: Int, isTrusted: Bool = false)
    /// Answer with this HTTP status and close.
    case refuse(status: Int, message: StaticString)
}
