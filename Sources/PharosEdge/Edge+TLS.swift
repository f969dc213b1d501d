import CPharosSys
import CPharosTLS
package import PharosTLS

/// The source of the certificates of new TLS connections.
///
/// The context that it gives may change at any time, for connections that come later.
package protocol TLSContextSource: AnyObject, Sendable {
    var context: TLSContext { get }
}

/// The state that a TLS connection has beside the connection itself.
struct SecureState: ~Copyable {
    var session: TLSSession
    /// Ciphertext that the socket has not taken yet; nil: it has taken everything.
    var pending: BlockPointer?
    /// Bytes of it that the socket has taken.
    var pendingOffset: UInt32 = 0
    var isHandshaking = true

    init(_ session: consuming TLSSession) { self.session = session }

    var pendingBytes: Int { pending.map { Int($0.pointee.count - pendingOffset) } ?? 0 }
}

/// TLS connections: sockets whose bytes go through a `TLSSession`.
///
/// Everything above sees the decrypted bytes alone.
///
/// Output is encrypted when the socket is to take it, in whole segments, and no further output is encrypted before what the
/// socket did not take has left. So what may be dropped or replaced stays plaintext in the queue, as for other sockets.
extension Edge {
    /// Plaintext that is encrypted at a time; a larger message is encrypted whole.
    static var encryptedAtOnce: Int { 65_536 }
    /// The most ciphertext that may wait without any output of ours, in bytes.
    ///
    /// It answers a peer's requests for new keys.
    static var pendingHandshakeLimit: Int { 65_536 }
    /// Handshakes that go a step further in one turn: each may cost a signature.
    static var handshakesPerTurn: Int { 16 }

    /// Begins TLS on a connection that has just been accepted.
    ///
    /// false: there is no memory.
    mutating func secure(_ slot: UInt32, _ context: TLSContext) -> Bool {
        guard let session = TLSSession(accepting: context) else { return false }
        // Looked at for secure connections alone: so pages of memory come with them.
        if secureStates == nil { secureStates = .allocate(capacity: connections.capacity) }
        let state = UnsafeMutablePointer<SecureState>.allocate(capacity: 1)
        state.initialize(to: SecureState(session))
        secureStates![Int(slot)] = state
        connections[slot].pointee.flags.insert(.isSecure)
        secureCount += 1
        handshakeCount += 1
        return true
    }

    @inline(__always)
    func secureState(_ slot: UInt32) -> UnsafeMutablePointer<SecureState> { secureStates![Int(slot)]! }

    mutating func freeSecureState(_ slot: UInt32) {
        guard let state = secureStates?[Int(slot)] else { return }
        if let pending = state.pointee.pending { pool.release(pending) }
        if state.pointee.isHandshaking { handshakeCount -= 1 }
        state.deinitialize(count: 1)
        state.deallocate()
        secureStates![Int(slot)] = nil
        secureCount -= 1
    }

    /// Ciphertext that waits for the socket.
    func pendingBytes(_ slot: UInt32) -> Int {
        guard connections[slot].pointee.flags.contains(.isSecure) else { return 0 }
        return secureState(slot).pointee.pendingBytes
    }

    /// Whether a handshake may go on in this turn.
    ///
    /// The socket stays readable, so a later turn comes back to it.
    mutating func mayGoOnWithHandshake(_ slot: UInt32) -> Bool {
        guard secureState(slot).pointee.isHandshaking else { return true }
        if handshakeTurn != turn {
            handshakeTurn = turn
            handshakesInTurn = 0
        }
        handshakesInTurn += 1
        return handshakesInTurn <= Edge.handshakesPerTurn
    }

    /// Notes that a handshake is done.
    mutating func noteHandshake(_ slot: UInt32) {
        let state = secureState(slot)
        guard state.pointee.isHandshaking, state.pointee.session.isHandshakeComplete else { return }
        state.pointee.isHandshaking = false
        handshakeCount -= 1
        counters.handshakes += 1
        if state.pointee.session.isResumed { counters.handshakesResumed += 1 }
        if state.pointee.session.selected("h2"), !beginCarrier(slot) { fail(slot) }
    }

    // MARK: Output

    /// Encrypts and sends as much of the connection's output as the socket takes.
    mutating func flushSecurely(_ slot: UInt32) {
        let entry = connections[slot]
        guard sendPending(slot) else { return }
        while entry.pointee.firstSegment != .max {
            guard encryptSegments(slot) else { return fail(slot) }
            guard sendEncrypted(slot) else { return }
        }
        allSent(slot)
    }

    /// Encrypts segments at the front of the queue, and takes them off.
    ///
    /// false: the session has failed.
    private mutating func encryptSegments(_ slot: UInt32) -> Bool {
        let entry = connections[slot]
        return withUnsafeTemporaryAllocation(of: pharos_tls_slice.self, capacity: 64) { slices in
            var (count, bytes) = (0, 0)
            var index = entry.pointee.firstSegment
            while index != .max, count < slices.count, bytes < Edge.encryptedAtOnce {
                let segment = segments[index].pointee
                slices[count] = pharos_tls_slice(
                    base: segment.block.bytes + Int(segment.offset), count: Int(segment.length))
                count += 1
                bytes += Int(segment.length)
                index = segment.next
            }
            let isDone = secureState(slot).pointee.session.encrypt(
                UnsafeBufferPointer(rebasing: UnsafeBufferPointer(slices)[..<count]), into: &tlsOutput)
            for _ in 0..<count { dropFirstSegment(slot) }
            entry.pointee.queuedBytes -= UInt32(bytes)
            return isDone
        }
    }

    /// Encrypts and sends a part of a block at once.
    ///
    /// The connection has no other output.
    @inline(__always)
    mutating func sendDirectlySecurely(_ slot: UInt32, _ block: BlockPointer, given: UInt32) {
        let bytes = UnsafeRawBufferPointer(start: block.bytes + Int(given), count: Int(block.pointee.count - given))
        guard secureState(slot).pointee.session.encrypt(bytes, into: &tlsOutput) else { return fail(slot) }
        _ = sendEncrypted(slot)
    }

    /// Sends the bytes in `tlsOutput`.
    ///
    /// false: the socket has not taken all of them, or has failed.
    @discardableResult
    mutating func sendEncrypted(_ slot: UInt32) -> Bool {
        let entry = connections[slot]
        let count = tlsOutput.count
        guard count > 0 else { return true }
        let state = secureState(slot)
        var sent = 0
        if state.pointee.pending == nil {
            sent = pharos_send(entry.pointee.descriptor, tlsOutput.bytes.baseAddress!, count, 0)
            if sent == -Int(pharos_eagain) { sent = 0 }
            guard sent >= 0 else {
                tlsOutput.removeAll()
                fail(slot)
                return false
            }
            counters.sends += 1
            counters.bytesSent += UInt64(sent)
            if sent > 0 { entry.pointee.progress = nowMs }
        }
        guard sent < count else {
            tlsOutput.removeAll()
            return true
        }
        addPending(state, UnsafeRawBufferPointer(rebasing: tlsOutput.bytes[sent...]))
        tlsOutput.removeAll()
        block(slot)
        checkLimit(slot)
        return false
    }

    private mutating func addPending(_ state: UnsafeMutablePointer<SecureState>, _ bytes: UnsafeRawBufferPointer) {
        guard let pending = state.pointee.pending else {
            let block = pool.take(capacity: bytes.count)
            block.append(bytes)
            state.pointee.pending = block
            state.pointee.pendingOffset = 0
            return
        }
        if pending.room >= bytes.count { return pending.append(bytes) }
        let rest = UnsafeRawBufferPointer(
            start: pending.bytes + Int(state.pointee.pendingOffset), count: state.pointee.pendingBytes)
        let block = pool.take(capacity: rest.count + bytes.count)
        block.append(rest)
        block.append(bytes)
        pool.release(pending)
        state.pointee.pending = block
        state.pointee.pendingOffset = 0
    }

    /// Sends the ciphertext that waits.
    ///
    /// false: some of it still does, or the socket has failed.
    private mutating func sendPending(_ slot: UInt32) -> Bool {
        let entry = connections[slot]
        let state = secureState(slot)
        while let pending = state.pointee.pending {
            let count = state.pointee.pendingBytes
            let sent = pharos_send(
                entry.pointee.descriptor, pending.bytes + Int(state.pointee.pendingOffset), count, 0)
            if sent == -Int(pharos_eagain) {
                block(slot)
                checkLimit(slot)
                return false
            }
            guard sent >= 0 else {
                fail(slot)
                return false
            }
            counters.sends += 1
            counters.bytesSent += UInt64(sent)
            entry.pointee.progress = nowMs
            state.pointee.pendingOffset += UInt32(sent)
            guard state.pointee.pendingBytes == 0 else { continue }
            state.pointee.pending = nil
            pool.release(pending)
        }
        return true
    }

    /// Says that nothing more will be sent, as far as the socket takes it.
    mutating func closeSecurely(_ slot: UInt32) {
        let state = secureState(slot)
        guard state.pointee.pending == nil else { return }
        state.pointee.session.close(into: &tlsOutput)
        if tlsOutput.count > 0 {
            _ = pharos_send(connections[slot].pointee.descriptor, tlsOutput.bytes.baseAddress!, tlsOutput.count, 0)
        }
        tlsOutput.removeAll()
    }
}

extension ShardLoop where Handler: ~Copyable {
    /// Decrypts the bytes that a TLS connection's socket has brought.
    ///
    /// Then it goes on with the plaintext.
    mutating func receivedSecurely(_ id: ConnectionID, _ bytes: UnsafeMutableRawBufferPointer) {
        let plaintext = plaintextRoom()
        let progress = edge.secureState(id.slot).pointee.session.receive(
            UnsafeRawBufferPointer(bytes), plaintext: plaintext, output: &edge.tlsOutput)
        edge.noteHandshake(id.slot)
        edge.sendEncrypted(id.slot)
        if edge.pendingBytes(id.slot) > Edge.pendingHandshakeLimit,
            edge.connections[id.slot].pointee.firstSegment == .max,
            progress.produced == 0
        {
            return end(id)
        }
        if progress.produced > 0 {
            received(id, UnsafeMutableRawBufferPointer(rebasing: plaintext[..<progress.produced]))
        }
        guard edge.isOpen(id) else { return }
        switch progress.status {
        case .open, .full: break
        case .closed: peerGone(id)
        case .failed:
            if edge.secureState(id.slot).pointee.isHandshaking { edge.counters.handshakesFailed += 1 }
            end(id)
        }
    }
}
