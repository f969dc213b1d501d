/// A client of a message transport, as its transport calls it.
///
/// Any thread; calls of one thread keep their order.
package struct MessageClient: Sendable {
    let number: UInt64
    let flow: InboundFlow
    let shard: Int
    let post: @Sendable (ShardMail, Int) -> Void

    /// Hands over one whole message of the client, which is taken in any case.
    ///
    /// - Returns: whether the transport may read on; false: it must wait for `ClientOutbox.readOn`, so that a client that
    ///   writes faster than its shard reads waits itself.
    package func received(_ message: [UInt8]) -> Bool {
        let mayReadOn = flow.noteWaiting(message.count)
        post(.messageReceived(number, message), shard)
        return mayReadOn
    }

    /// The messages that were delivered have been sent: more may come.
    package func ready() { post(.outboxReady(number), shard) }

    /// The client has gone; `ClientOutbox.ended` follows.
    package func gone() { post(.messageClientGone(number), shard) }
}
