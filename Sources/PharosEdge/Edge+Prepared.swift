/// One message for many connections that are named one by one.
///
/// It is framed once, and shared.
extension Edge {
    /// Makes a message that `send` gives to many connections without copying.
    ///
    /// It is valid until the end of this turn.
    package mutating func prepareMessage(_ framing: Framing, _ payload: UnsafeRawBufferPointer) -> PreparedMessage {
        let block = pool.take(capacity: framing.size(for: payload.count))
        block.append(framing, payload)
        prepared.append(block)
        return PreparedMessage(block: block, turn: turn)
    }

    /// Sends what `prepareMessage` made in this turn, after all that was sent before.
    ///
    /// It is not compressed.
    package mutating func send(_ id: ConnectionID, _ message: PreparedMessage) {
        precondition(message.turn == turn, "a prepared message is for the turn it was made in")
        guard isOpen(id), connections[id.slot].pointee.phase.takesMessages else { return }
        enqueue(id.slot, message.block, offset: 0)
        counters.messagesSent += 1
    }
}

/// A framed message in a block that many connections share.
package struct PreparedMessage {
    let block: BlockPointer
    let turn: UInt64
}
